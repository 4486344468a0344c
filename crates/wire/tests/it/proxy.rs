//! Somebody in the middle, who may change answers on their way.

use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use reqwest::header::HeaderMap;
use url::Url;

use crate::served::PATIENCE;

/// An answer on its way through.
#[derive(Clone)]
pub(crate) struct Passing {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The `signature` field of the request.
    pub(crate) request_signature: String,
}

impl Passing {
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, value.parse().unwrap());
    }
}

type Change = Arc<dyn Fn(&mut Passing) + Send + Sync>;

/// Passes requests on to `upstream` as they are, and answers back as `change` leaves them. Gives its own URL.
pub(crate) fn between(upstream: &Url, change: impl Fn(&mut Passing) + Send + Sync + 'static) -> Url {
    listen(upstream.clone(), 1, Arc::new(change))
}

/// Passes every request on twice, and the second answer back.
pub(crate) fn repeating(upstream: &Url) -> Url {
    listen(upstream.clone(), 2, Arc::new(|_| {}))
}

fn listen(upstream: Url, times: usize, change: Change) -> Url {
    let server = HttpServer::new(move || {
        let (upstream, change) = (upstream.clone(), change.clone());
        App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
            pass(upstream.clone(), times, change.clone(), request, body)
        }))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let url = Url::parse(&format!("http://{}", server.addrs()[0])).unwrap();
    tokio::spawn(server.run());
    url
}

async fn pass(
    mut url: Url,
    times: usize,
    change: Change,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    url.set_path(request.uri().path());
    url.set_query(request.uri().query());
    let http = blazz_wire::http_client(PATIENCE, PATIENCE).unwrap();
    let mut onward = http.request(request.method().as_str().parse().unwrap(), url).body(body);
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "host") {
        onward = onward.header(name.as_str(), value.to_str().unwrap());
    }
    for _ in 1..times {
        onward.try_clone().unwrap().send().await.unwrap();
    }
    let answer = onward.send().await.unwrap();
    let mut passing = Passing {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.bytes().await.unwrap().to_vec(),
        request_signature: request.headers().get("signature").unwrap().to_str().unwrap().to_owned(),
    };
    change(&mut passing);
    let mut response = HttpResponse::build(passing.status.try_into().unwrap());
    for (name, value) in passing.headers.iter().filter(|(name, _)| *name != "content-length") {
        response.append_header((name.as_str(), value.to_str().unwrap()));
    }
    response.body(passing.body)
}
