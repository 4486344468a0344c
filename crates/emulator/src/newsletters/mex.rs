//! `w:mex`: queries by number with JSON inside, about channels and the groups of communities.
//!
//! A query is known by a number that changes between releases of WhatsApp Web: these are the ones that clients use.

use std::sync::Arc;

use serde_json::{Value, json};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::iq::mex_operations as known;

use super::{LONGEST_DESCRIPTION, LONGEST_NAME, Newsletter, fits};
use crate::account::Account;
use crate::groups::Group;
use crate::server::Server;

/// Numbers of an older release.
mod older {
    pub(super) const CREATE: &str = "8823471724422422";
    pub(super) const METADATA: &str = "6563316087068696";
    pub(super) const SUBSCRIBERS: &str = "9783111038412085";
    pub(super) const MUTE: &str = "29766401636284406";
    pub(super) const UNMUTE: &str = "9864994326891137";
    pub(super) const ADMIN_COUNT: &str = "7130823597031706";
    pub(super) const CHANGE_OWNER: &str = "7341777602580933";
    pub(super) const DELETE: &str = "30062808666639665";
    pub(super) const REACHOUT_TIMELOCK: &str = "23983697327930364";
    pub(super) const MESSAGE_CAPPING: &str = "24503548349331633";
}

static NOTHING: Value = Value::Null;

/// What is at a place in JSON; nothing where there is no such place.
pub(crate) fn at<'a>(json: &'a Value, pointer: &str) -> &'a Value {
    json.pointer(pointer).unwrap_or(&NOTHING)
}

/// What a query comes to: its data, or an error with a code.
type Outcome = Result<Value, u16>;

/// The answer to a query; `None` when nobody here knows it.
pub(crate) fn answer(
    server: &Server,
    account: &Arc<Account>,
    query: &str,
    variables: &Value,
) -> Option<Value> {
    let asker = Asker { server, account, variables };
    let outcome = match query {
        known::create_newsletter::DOC_ID | older::CREATE => asker.create(),
        known::fetch_newsletter::DOC_ID | older::METADATA => asker.metadata(),
        known::fetch_all_newsletters_metadata::DOC_ID => asker.followed(),
        known::update_newsletter::DOC_ID => asker.update(),
        known::join_newsletter::DOC_ID => asker.follow(),
        known::leave_newsletter::DOC_ID => asker.unfollow(),
        known::update_newsletter_user_setting::DOC_ID => {
            let on = at(variables, "/input/value") == "ON";
            asker.mute(at(variables, "/input/newsletter_id"), on, "xwa2_newsletter_update_user_setting")
        }
        older::MUTE => asker.mute(at(variables, "/newsletter_id"), true, "xwa2_newsletter_mute_v2"),
        older::UNMUTE => asker.mute(at(variables, "/newsletter_id"), false, "xwa2_newsletter_unmute_v2"),
        older::SUBSCRIBERS => asker.owned().map(|newsletter| {
            let count = newsletter.state().followers.len();
            json!({ "xwa2_newsletter_subscribers": { "subscribers": count.to_string() } })
        }),
        older::ADMIN_COUNT => asker
            .newsletter(at(variables, "/newsletter_id"))
            .map(|_| json!({ "xwa2_newsletter_admin": { "admin_count": 1 } })),
        older::CHANGE_OWNER => asker.change_owner(),
        older::DELETE => asker.delete(),
        known::fetch_all_subgroups::DOC_ID => asker.sub_groups(at(variables, "/group_id")),
        known::query_subgroup_participant_count::DOC_ID => {
            asker.sub_groups(at(variables, "/input/group_jid"))
        }
        older::REACHOUT_TIMELOCK => {
            Ok(json!({ "xwa2_fetch_account_reachout_timelock": { "is_active": false } }))
        }
        older::MESSAGE_CAPPING => Ok(json!({ "xwa2_message_capping_info": { "capping_status": "NONE" } })),
        _ => return None,
    };
    Some(match outcome {
        Ok(data) => json!({ "data": data }),
        Err(code) => json!({
            "data": null,
            "errors": [{ "message": "refused", "extensions": { "error_code": code, "is_summary": true } }],
        }),
    })
}

struct Asker<'a> {
    server: &'a Server,
    account: &'a Arc<Account>,
    variables: &'a Value,
}

impl Asker<'_> {
    fn newsletter(&self, id: &Value) -> Result<Arc<Newsletter>, u16> {
        let jid: Jid = id.as_str().and_then(|id| id.parse().ok()).ok_or(400_u16)?;
        self.server.newsletters.find(&jid.user).ok_or(404)
    }

    /// The channel that is asked about, when it is the asker's own.
    fn owned(&self) -> Result<Arc<Newsletter>, u16> {
        let newsletter = self.newsletter(at(self.variables, "/newsletter_id"))?;
        let is_owner = newsletter.state().owner == self.account.number;
        if is_owner { Ok(newsletter) } else { Err(403) }
    }

    fn create(&self) -> Outcome {
        let input = at(self.variables, "/input");
        let (name, description) = (at(input, "/name").as_str(), at(input, "/description").as_str());
        let newsletters = &self.server.newsletters;
        let created = newsletters.create(
            self.server,
            self.account,
            name.unwrap_or_default(),
            description.unwrap_or_default(),
        );
        let created = created.ok_or(406_u16)?;
        Ok(json!({ "xwa2_newsletter_create": self.shown(&created) }))
    }

    fn metadata(&self) -> Outcome {
        let input = at(self.variables, "/input");
        let newsletter = match at(input, "/type").as_str() {
            Some("INVITE") => {
                let code = at(input, "/key").as_str().unwrap_or_default();
                self.server.newsletters.by_invite(code).ok_or(404_u16)?
            }
            _ => self.newsletter(at(input, "/key"))?,
        };
        Ok(json!({ "xwa2_newsletter": self.shown(&newsletter) }))
    }

    fn followed(&self) -> Outcome {
        let all = self.server.newsletters.all().into_iter().filter(|newsletter| {
            let state = newsletter.state();
            state.owner == self.account.number || state.followers.contains_key(&self.account.number)
        });
        let all: Vec<Value> = all.map(|newsletter| self.shown(&newsletter)).collect();
        Ok(json!({ "xwa2_newsletter_subscribed": all }))
    }

    fn update(&self) -> Outcome {
        let newsletter = self.owned()?;
        let updates = at(self.variables, "/updates");
        if let Some(name) = at(updates, "/name").as_str() {
            if !fits(name, 1, LONGEST_NAME) {
                return Err(406);
            }
            newsletter.state().name = name.to_owned();
        }
        if let Some(description) = at(updates, "/description").as_str() {
            if !fits(description, 0, LONGEST_DESCRIPTION) {
                return Err(406);
            }
            newsletter.state().description = description.to_owned();
        }
        Ok(json!({ "xwa2_newsletter_update": self.shown(&newsletter) }))
    }

    fn follow(&self) -> Outcome {
        let newsletter = self.newsletter(at(self.variables, "/newsletter_id"))?;
        let is_owner = newsletter.state().owner == self.account.number;
        if !is_owner {
            newsletter.state().followers.insert(self.account.number.clone(), false);
        }
        Ok(json!({ "xwa2_newsletter_join_v2": self.shown(&newsletter) }))
    }

    fn unfollow(&self) -> Outcome {
        let newsletter = self.newsletter(at(self.variables, "/newsletter_id"))?;
        newsletter.state().followers.remove(&self.account.number).ok_or(404_u16)?;
        Ok(json!({ "xwa2_newsletter_leave_v2": self.shown(&newsletter) }))
    }

    fn mute(&self, id: &Value, on: bool, path: &str) -> Outcome {
        let newsletter = self.newsletter(id)?;
        if let Some(muted) = newsletter.state().followers.get_mut(&self.account.number) {
            *muted = on;
        }
        Ok(json!({ path: self.shown(&newsletter) }))
    }

    fn change_owner(&self) -> Outcome {
        let newsletter = self.owned()?;
        let jid = at(self.variables, "/user_id").as_str().and_then(|id| id.parse::<Jid>().ok());
        let heir = jid.and_then(|jid| self.server.accounts.by_jid(&jid)).ok_or(404_u16)?;
        let mut state = newsletter.state();
        state.followers.remove(&heir.number);
        state.followers.insert(self.account.number.clone(), false);
        state.owner.clone_from(&heir.number);
        drop(state);
        Ok(json!({ "xwa2_newsletter_change_owner": self.shown(&newsletter) }))
    }

    fn delete(&self) -> Outcome {
        let newsletter = self.owned()?;
        self.server.newsletters.remove(&newsletter.id);
        Ok(json!({ "xwa2_newsletter_delete_v2": { "id": newsletter.jid().to_string() } }))
    }

    /// A channel as the asker sees it.
    fn shown(&self, newsletter: &Newsletter) -> Value {
        let state = newsletter.state();
        let followed = state.followers.get(&self.account.number);
        let role = match followed {
            _ if state.owner == self.account.number => "owner",
            Some(_) => "subscriber",
            None => "guest",
        };
        let created = newsletter.created.to_string();
        json!({
            "id": newsletter.jid().to_string(),
            "state": { "type": "ACTIVE" },
            "thread_metadata": {
                "creation_time": created,
                "name": { "text": state.name, "id": created, "update_time": created },
                "description": { "text": state.description, "id": created, "update_time": created },
                "invite": newsletter.invite,
                "subscribers_count": state.followers.len().to_string(),
                "verification": "UNVERIFIED",
                "picture": { "id": null, "type": "IMAGE", "direct_path": null },
            },
            "viewer_metadata": { "mute": if followed == Some(&true) { "ON" } else { "OFF" }, "role": role },
        })
    }

    /// The groups of a community, the announcements apart.
    fn sub_groups(&self, id: &Value) -> Outcome {
        let jid: Jid = id.as_str().and_then(|id| id.parse().ok()).ok_or(400_u16)?;
        let parent = self.server.groups.find(&jid.user).ok_or(404_u16)?;
        parent.check_member(self.account).map_err(|refusal| refusal.0)?;
        let below = self.server.groups.below(&parent.id);
        let is_default = |group: &Arc<Group>| group.state().community.is_announcements;
        let default = below.iter().find(|group| is_default(group)).map(|group| sub_group(group));
        let edges: Vec<Value> = below
            .iter()
            .filter(|group| !is_default(group))
            .map(|group| json!({ "node": sub_group(group) }))
            .collect();
        Ok(json!({
            "xwa2_group_query_by_id": {
                "id": parent.jid().to_string(),
                "default_sub_group": default,
                "sub_groups": { "edges": edges },
            }
        }))
    }
}

fn sub_group(group: &Group) -> Value {
    let state = group.state();
    json!({
        "id": group.jid().to_string(),
        "subject": { "value": state.subject.text, "creation_time": state.subject.at.to_string() },
        "creation": group.created,
        "participants_count": state.members.len(),
        "total_participants_count": state.members.len(),
        "properties": { "general_chat": state.community.is_general },
    })
}
