//! The admin API: JSON over HTTP on loopback, one endpoint per file. `docs/emulator.md` shows it with examples.

mod add_group;
mod add_phone;
mod answer;
mod block;
mod blocked;
mod change_group;
mod change_phone;
mod change_setting;
mod clear_faults;
mod devices;
mod download_media;
mod faults;
mod group;
mod group_members;
mod groups;
mod healthz;
mod join_group;
mod link_code;
mod message_media;
mod messages;
mod page;
mod phones;
mod picture;
mod presence;
mod put_history;
mod put_picture;
mod received_receipts;
mod remove_device;
mod remove_devices;
mod remove_picture;
mod root_key;
mod scan;
mod send_message;
mod send_receipts;
mod set_activity;
mod set_fault;
mod set_presence;
mod set_version;
mod settings;
mod sockets;
mod stats;
mod subscribe;
mod trust;
mod unblock;
mod upload_media;
mod version;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::{Data, JsonConfig, PathConfig, ServiceConfig, delete, get, patch, post, put, resource};
use actix_web::{App, HttpServer};

use crate::server::Server;

/// The largest JSON body.
const LARGEST_BODY: usize = 256 * 1024;
/// The largest JSON body of a message: an image of 16 MiB in base64, and what is around it.
const LARGEST_MESSAGE: usize = 23 * 1024 * 1024;

/// Serves the API on a listener.
pub(crate) fn serve(server: Arc<Server>, listener: TcpListener) -> std::io::Result<actix_web::dev::Server> {
    let server = Data::from(server);
    let api = HttpServer::new(move || {
        App::new()
            .app_data(server.clone())
            .app_data(json(LARGEST_BODY))
            .app_data(PathConfig::default().error_handler(answer::bad_path))
            .configure(routes)
            .default_service(actix_web::web::route().to(answer::no_such_route))
    });
    Ok(api.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
}

fn json(limit: usize) -> JsonConfig {
    JsonConfig::default().limit(limit).content_type_required(false).error_handler(answer::bad_body)
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/phones").route(get().to(phones::handle)).route(post().to(add_phone::handle)))
        .service(resource("/phones/{phone}").route(patch().to(change_phone::handle)))
        .service(
            resource("/phones/{phone}/picture")
                .route(get().to(picture::handle))
                .route(put().to(put_picture::handle))
                .route(delete().to(remove_picture::handle)),
        )
        .service(
            resource("/phones/{phone}/presence")
                .route(get().to(presence::handle))
                .route(post().to(set_presence::handle)),
        )
        .service(resource("/phones/{phone}/subscriptions/{other}").route(put().to(subscribe::handle)))
        .service(resource("/phones/{phone}/chatstate").route(post().to(set_activity::handle)))
        .service(resource("/phones/{phone}/blocked").route(get().to(blocked::handle)))
        .service(
            resource("/phones/{phone}/blocked/{other}")
                .route(put().to(block::handle))
                .route(delete().to(unblock::handle)),
        )
        .service(resource("/phones/{phone}/tokens/{other}").route(put().to(trust::handle)))
        .service(resource("/phones/{phone}/scan").route(post().to(scan::handle)))
        .service(resource("/phones/{phone}/link-code").route(post().to(link_code::handle)))
        .service(
            resource("/phones/{phone}/messages")
                .app_data(json(LARGEST_MESSAGE))
                .route(get().to(messages::handle))
                .route(post().to(send_message::handle)),
        )
        .service(resource("/phones/{phone}/messages/{id}/media").route(get().to(message_media::handle)))
        .service(
            resource("/phones/{phone}/receipts")
                .route(get().to(received_receipts::handle))
                .route(post().to(send_receipts::handle)),
        )
        .service(
            resource("/phones/{phone}/devices")
                .route(get().to(devices::handle))
                .route(delete().to(remove_devices::handle)),
        )
        .service(resource("/phones/{phone}/devices/{device}").route(delete().to(remove_device::handle)))
        .service(
            resource("/faults")
                .route(get().to(faults::handle))
                .route(post().to(set_fault::handle))
                .route(delete().to(clear_faults::handle)),
        )
        .service(resource("/version").route(get().to(version::handle)).route(put().to(set_version::handle)))
        .service(resource("/sw.js").route(get().to(page::handle)))
        .service(resource("/groups").route(get().to(groups::handle)).route(post().to(add_group::handle)))
        .service(
            resource("/groups/{group}")
                .route(get().to(group::handle))
                .route(patch().to(change_group::handle)),
        )
        .service(resource("/groups/{group}/members").route(post().to(group_members::handle)))
        .service(
            resource("/phones/{phone}/settings")
                .route(get().to(settings::handle))
                .route(post().to(change_setting::handle)),
        )
        .service(
            resource("/phones/{phone}/history")
                .app_data(json(LARGEST_MESSAGE))
                .route(put().to(put_history::handle)),
        )
        .service(resource("/phones/{phone}/join").route(post().to(join_group::handle)))
        .service(resource("/stats").route(get().to(stats::handle)))
        .service(resource("/sockets").route(get().to(sockets::handle)))
        .service(resource("/root-key").route(get().to(root_key::handle)))
        .service(resource("/healthz").route(get().to(healthz::handle)))
        .service(resource("/mms/{path:.*}").route(post().to(upload_media::handle)))
        .service(resource("/v/{path:.*}").route(get().to(download_media::handle)));
}
