//! The admin API: JSON over HTTP on loopback, one endpoint per file. `docs/emulator.md` shows it with examples.

mod add_phone;
mod answer;
mod change_phone;
mod clear_faults;
mod devices;
mod download_media;
mod faults;
mod healthz;
mod messages;
mod phones;
mod picture;
mod put_picture;
mod received_receipts;
mod remove_device;
mod remove_devices;
mod remove_picture;
mod scan;
mod send_message;
mod send_receipts;
mod set_fault;
mod stats;
mod upload_media;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::{Data, JsonConfig, PathConfig, ServiceConfig, delete, get, patch, post, put, resource};
use actix_web::{App, HttpServer};

use crate::server::Server;

/// The largest JSON body.
const LARGEST_BODY: usize = 256 * 1024;

/// Serves the API on a listener.
pub(crate) fn serve(server: Arc<Server>, listener: TcpListener) -> std::io::Result<actix_web::dev::Server> {
    let server = Data::from(server);
    let api = HttpServer::new(move || {
        App::new()
            .app_data(server.clone())
            .app_data(
                JsonConfig::default()
                    .limit(LARGEST_BODY)
                    .content_type_required(false)
                    .error_handler(answer::bad_body),
            )
            .app_data(PathConfig::default().error_handler(answer::bad_path))
            .configure(routes)
            .default_service(actix_web::web::route().to(answer::no_such_route))
    });
    Ok(api.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
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
        .service(resource("/phones/{phone}/scan").route(post().to(scan::handle)))
        .service(
            resource("/phones/{phone}/messages")
                .route(get().to(messages::handle))
                .route(post().to(send_message::handle)),
        )
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
        .service(resource("/stats").route(get().to(stats::handle)))
        .service(resource("/healthz").route(get().to(healthz::handle)))
        .service(resource("/mms/{path:.*}").route(post().to(upload_media::handle)))
        .service(resource("/v/{path:.*}").route(get().to(download_media::handle)));
}
