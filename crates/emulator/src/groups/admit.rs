//! Who comes and who goes.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::directory::fresh_code;
use super::{
    CONFLICT, FORBIDDEN, GONE, Group, MOST_MEMBERS, Member, NOT_ACCEPTABLE, NOT_FOUND, Refusal, Role,
    community, node, notify,
};
use crate::account::Account;
use crate::privacy;
use crate::server::Server;

/// How long an invitation of a single account holds, in seconds.
const PERSONAL_INVITE_SECONDS: i64 = 3 * 24 * 60 * 60;
/// Requests to be admitted that one group keeps.
const MOST_REQUESTS: usize = 1000;

/// What came of adding one account.
pub(crate) enum Added {
    Yes,
    /// Its privacy keeps strangers from adding it: it may be sent this code, until that second.
    Invite(String, i64),
    No(Refusal),
}

/// An admin, or a member where all may, adds accounts; says what came of each.
///
/// # Errors
/// 403 when `by` may not add anybody.
pub(crate) fn add(
    server: &Server,
    group: &Group,
    by: &Arc<Account>,
    accounts: &[Arc<Account>],
) -> Result<Vec<Added>, Refusal> {
    let all_may_add = group.state().modes.get("member_add_mode").is_some_and(|mode| mode == "all_member_add");
    if !group.check_member(by)?.is_admin() && !all_may_add {
        return Err(FORBIDDEN);
    }
    let outcomes: Vec<Added> = accounts.iter().map(|account| add_one(server, group, by, account)).collect();
    let came = accounts.iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Added::Yes));
    let came: Vec<Arc<Account>> = came.map(|(account, _)| Arc::clone(account)).collect();
    came_in(server, group, by, &came, None);
    Ok(outcomes)
}

fn add_one(server: &Server, group: &Group, by: &Account, account: &Arc<Account>) -> Added {
    if group.role(account).is_some() {
        return Added::No(CONFLICT);
    }
    if !privacy::shows(account, privacy::GROUP_ADD, by) {
        let invite = (fresh_code(), server.seconds().saturating_add(PERSONAL_INVITE_SECONDS));
        group.state().personal_invites.insert(account.number.clone(), invite.clone());
        return Added::Invite(invite.0, invite.1);
    }
    match admit(server, group, account) {
        Ok(()) => Added::Yes,
        Err(refusal) => Added::No(refusal),
    }
}

/// Makes an account a member, unless the group is full.
pub(super) fn admit(server: &Server, group: &Group, account: &Account) -> Result<(), Refusal> {
    let mut state = group.state();
    if state.members.len() >= MOST_MEMBERS {
        return Err(NOT_ACCEPTABLE);
    }
    state.requests.remove(&account.number);
    state.personal_invites.remove(&account.number);
    state.members.insert(account.number.clone(), Member { role: Role::Member, since: server.seconds() });
    Ok(())
}

/// Everybody learns who joined; those of a community's group join the community too.
fn came_in(
    server: &Server,
    group: &Group,
    by: &Account,
    newcomers: &[Arc<Account>],
    reason: Option<&'static str>,
) {
    notify::joined(server, group, by, newcomers, reason);
    for account in newcomers {
        community::follow(server, group, account);
    }
}

/// An admin removes members; says of each whether it was one that can be removed. Members of a community leave all
/// of its groups with it when `with_linked_groups`.
///
/// # Errors
/// 403 when `by` is no admin.
pub(crate) fn remove(
    server: &Server,
    group: &Group,
    by: &Arc<Account>,
    accounts: &[Arc<Account>],
    with_linked_groups: bool,
) -> Result<Vec<Option<Refusal>>, Refusal> {
    group.check_admin(by)?;
    let outcomes: Vec<Option<Refusal>> = accounts
        .iter()
        .map(|account| match group.role(account) {
            None => Some(NOT_FOUND),
            Some(Role::SuperAdmin) if account.number != by.number => Some(FORBIDDEN),
            Some(_) => None,
        })
        .collect();
    let gone = accounts.iter().zip(&outcomes).filter(|(_, refusal)| refusal.is_none());
    let gone: Vec<Arc<Account>> = gone.map(|(account, _)| Arc::clone(account)).collect();
    part(server, group, by, &gone);
    if group.state().community.is_parent {
        community::unfollow(server, group, by, &gone, with_linked_groups);
    }
    Ok(outcomes)
}

/// A member leaves by itself.
///
/// # Errors
/// 404 when it is no member.
pub(crate) fn leave(server: &Server, group: &Group, account: &Arc<Account>) -> Result<(), Refusal> {
    group.check_member(account).map_err(|_| NOT_FOUND)?;
    part(server, group, account, std::slice::from_ref(account));
    if group.state().community.is_parent {
        community::unfollow(server, group, account, std::slice::from_ref(account), true);
    }
    Ok(())
}

/// Members go; they are told too. When the last admin went, the longest member follows them.
pub(super) fn part(server: &Server, group: &Group, by: &Account, gone: &[Arc<Account>]) {
    if gone.is_empty() {
        return;
    }
    let before = group.accounts(server);
    let heir = {
        let mut state = group.state();
        for account in gone {
            state.members.remove(&account.number);
        }
        let has_admin = state.members.values().any(|member| member.role.is_admin());
        let eldest =
            state.members.iter().min_by_key(|(_, member)| member.since).map(|(number, _)| number.clone());
        let heir = eldest.filter(|_| !has_admin);
        if let Some(member) = heir.as_ref().and_then(|number| state.members.get_mut(number)) {
            member.role = Role::Admin;
        }
        heir
    };
    let participants = gone.iter().map(|account| node::participant(account, None));
    let remove = NodeBuilder::new("remove").children(participants.collect::<Vec<_>>()).build();
    notify::tell(server, group, by, &before, remove);
    if let Some(heir) = heir.and_then(|number| server.accounts.by_number(&number)) {
        let promote = NodeBuilder::new("promote").children([node::participant(&heir, None)]).build();
        notify::changed(server, group, by, promote);
    }
}

/// An account follows the invite link: `true` when it is a member now, `false` when an admin has to admit it.
///
/// # Errors
/// 409 when it is a member already, 406 when the group is full or too many wait.
pub(crate) fn join_by_code(server: &Server, group: &Group, account: &Arc<Account>) -> Result<bool, Refusal> {
    if group.role(account).is_some() {
        return Err(CONFLICT);
    }
    if group.state().toggles.contains("membership_approval_mode") {
        ask(server, group, account)?;
        return Ok(false);
    }
    admit(server, group, account)?;
    came_in(server, group, account, std::slice::from_ref(account), Some("invite"));
    Ok(true)
}

/// An account asks to be admitted; the admins are told.
fn ask(server: &Server, group: &Group, account: &Arc<Account>) -> Result<(), Refusal> {
    {
        let mut state = group.state();
        if state.requests.len() >= MOST_REQUESTS {
            return Err(NOT_ACCEPTABLE);
        }
        state.requests.insert(account.number.clone(), server.seconds());
    }
    let asked = NodeBuilder::new("requested_user")
        .attr("jid", account.lid_jid(0))
        .attr("phone_number", account.number_jid(0))
        .build();
    let created = NodeBuilder::new("created_membership_requests")
        .attr("request_method", "invite_link")
        .children([asked, node::participant(account, None)])
        .build();
    let admins: Vec<Arc<Account>> = group
        .accounts(server)
        .into_iter()
        .filter(|member| group.role(member).is_some_and(Role::is_admin))
        .collect();
    notify::tell(server, group, account, &admins, created);
    Ok(())
}

/// An admin admits those who asked, or turns them down; says of each whether it had asked.
///
/// # Errors
/// 403 when `by` is no admin.
pub(crate) fn decide(
    server: &Server,
    group: &Group,
    by: &Arc<Account>,
    accounts: &[Arc<Account>],
    admits: bool,
) -> Result<Vec<Option<Refusal>>, Refusal> {
    group.check_admin(by)?;
    let outcomes: Vec<Option<Refusal>> = accounts
        .iter()
        .map(|account| {
            if group.state().requests.remove(&account.number).is_none() {
                return Some(NOT_FOUND);
            }
            if admits { admit(server, group, account).err() } else { None }
        })
        .collect();
    let came = accounts.iter().zip(&outcomes).filter(|(_, refusal)| refusal.is_none());
    let came: Vec<Arc<Account>> = came.map(|(account, _)| Arc::clone(account)).collect();
    if admits {
        came_in(server, group, by, &came, Some("invite"));
    } else {
        revoked(server, group, by, &came);
    }
    Ok(outcomes)
}

/// An account takes its request back.
pub(crate) fn cancel_requests(server: &Server, group: &Group, account: &Arc<Account>) -> Result<(), Refusal> {
    group.state().requests.remove(&account.number).ok_or(NOT_FOUND)?;
    revoked(server, group, account, std::slice::from_ref(account));
    Ok(())
}

fn revoked(server: &Server, group: &Group, by: &Account, accounts: &[Arc<Account>]) {
    if accounts.is_empty() {
        return;
    }
    let participants = accounts.iter().map(|account| node::participant(account, None));
    let change = NodeBuilder::new("revoked_membership_requests").children(participants.collect::<Vec<_>>());
    notify::changed(server, group, by, change.build());
}

/// An account joins with the code that was made for it alone when it could not be added.
///
/// # Errors
/// 410 when the code is another, or too old; 406 when the group is full.
pub(crate) fn accept_request(
    server: &Server,
    group: &Group,
    account: &Arc<Account>,
    code: &str,
) -> Result<(), Refusal> {
    let invite = group.state().personal_invites.get(&account.number).cloned();
    let (known, until) = invite.ok_or(GONE)?;
    if known != code || until < server.seconds() {
        return Err(GONE);
    }
    admit(server, group, account)?;
    came_in(server, group, account, std::slice::from_ref(account), Some("invite"));
    Ok(())
}

/// A member of a community joins one of its groups.
///
/// # Errors
/// 409 when it is a member already, 406 when the group is full.
pub(crate) fn join_by_request(server: &Server, group: &Group, account: &Arc<Account>) -> Result<(), Refusal> {
    if group.role(account).is_some() {
        return Err(CONFLICT);
    }
    admit(server, group, account)?;
    came_in(server, group, account, std::slice::from_ref(account), Some("linked_group_join"));
    Ok(())
}
