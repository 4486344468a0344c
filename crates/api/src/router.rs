//! Every public route, in one list.

use actix_web::web::ServiceConfig as Plain;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::docs;
use crate::routes::{
    accounts, audit, client_version, conversations, events, keys, media, messages, nodes, operations,
    profile, sessions, workspaces,
};

/// The routes, for the document and for the server alike.
pub(crate) fn documented(routes: &mut ServiceConfig<'_>) {
    routes
        .service(workspaces::create_workspace)
        .service(workspaces::list_workspaces)
        .service(workspaces::get_workspace)
        .service(keys::create_key)
        .service(keys::list_keys)
        .service(keys::revoke_key)
        .service(keys::update_key)
        .service(keys::rotate_key)
        .service(nodes::list_nodes)
        .service(nodes::probe_node)
        .service(sessions::list_sessions)
        .service(client_version::get_client_version)
        .service(client_version::set_client_version)
        .service(client_version::unset_client_version)
        .service(accounts::create_account)
        .service(accounts::list_accounts)
        .service(accounts::get_account)
        .service(accounts::update_account)
        .service(accounts::delete_account)
        .service(profile::get_profile)
        .service(profile::update_profile)
        .service(profile::get_profile_picture)
        .service(profile::set_profile_picture)
        .service(profile::delete_profile_picture)
        .service(sessions::get_session)
        .service(sessions::start_session)
        .service(sessions::stop_session)
        .service(sessions::restart_session)
        .service(sessions::logout_session)
        .service(sessions::get_session_qr)
        .service(sessions::create_pairing_code)
        .service(media::create_media)
        .service(media::get_media)
        .service(media::get_media_content)
        .service(media::delete_media)
        .service(messages::send_message)
        .service(messages::list_messages)
        .service(messages::get_message)
        .service(conversations::list_conversations)
        .service(conversations::list_conversation_messages)
        .service(conversations::read_conversation)
        .service(events::list_events)
        .service(audit::list_audit_entries)
        .service(audit::list_all_audit_entries)
        .service(operations::get_openapi)
        .service(operations::get_health)
        .service(operations::get_readiness)
        .service(operations::get_metrics);
}

/// The same without the document, and its pages for people.
pub(crate) fn configure(app: &mut Plain) {
    documented(&mut ServiceConfig::new(app));
    docs::configure(app);
}
