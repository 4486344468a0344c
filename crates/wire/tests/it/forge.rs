//! Signs by hand, sharing no line with the code under test: the derivation of the keys, the signature bases and the fields are
//! written out here once more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha256};

pub(crate) const LEASELESS: [&str; 7] =
    ["@method", "@path", "@query", "content-type", "content-digest", "blazz-from", "blazz-to"];

/// A key of one direction, derived by hand.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) bytes: [u8; 32],
}

impl Key {
    pub(crate) fn derive(fleet_secret_hex: &str, node: &str, direction: &str) -> Self {
        let fleet = hex::decode(fleet_secret_hex).unwrap();
        let secret: [u8; 32] = expand(&fleet, &format!("blazz node secret v1 {node}"));
        let bytes: [u8; 32] = expand(&secret, &format!("blazz hop key v1 {direction} {node}"));
        let print: [u8; 4] = expand(&bytes, "blazz key id v1");
        Self { id: format!("{node}/{direction}/{}", hex::encode(print)), bytes }
    }

    pub(crate) fn sign(&self, base: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).unwrap();
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

fn expand<const N: usize>(secret: &[u8], info: &str) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(None, secret).expand(info.as_bytes(), &mut out).unwrap();
    out
}

pub(crate) fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// A request before it is signed. Everything can be bent.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) lease: Option<String>,
    pub(crate) created: i64,
    pub(crate) nonce: Option<String>,
    pub(crate) tag: &'static str,
    pub(crate) key: Key,
    /// Instead of the proper list.
    pub(crate) covered: Option<Vec<&'static str>>,
    /// After the proper parameters.
    pub(crate) more_params: &'static str,
}

/// A request as it goes out.
#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    pub(crate) fn sign(&self) -> Shot {
        let headers = self.fields();
        let proper = LEASELESS.into_iter().chain(self.lease.as_ref().map(|_| "blazz-lease")).collect();
        let covered = self.covered.clone().unwrap_or(proper);
        let list = covered.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(" ");
        let nonce = self.nonce.as_ref().map(|n| format!(";nonce=\"{n}\"")).unwrap_or_default();
        let params = format!(
            "({list});created={}{nonce};keyid=\"{}\";tag=\"{}\"{}",
            self.created, self.key.id, self.tag, self.more_params
        );
        let lines: Vec<String> =
            covered.iter().map(|c| format!("\"{c}\": {}", self.value(c, &headers))).collect();
        let base = format!("{}\n\"@signature-params\": {params}", lines.join("\n"));
        let mut shot = Shot {
            method: self.method,
            path: self.path.clone(),
            query: self.query.clone(),
            headers,
            body: self.body.clone(),
        };
        shot.headers.push(("signature-input".to_owned(), format!("blazz={params}")));
        shot.headers.push(("signature".to_owned(), format!("blazz=:{}:", self.key.sign(&base))));
        shot
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("content-digest".to_owned(), digest(&self.body)),
            ("blazz-from".to_owned(), self.from.clone()),
            ("blazz-to".to_owned(), self.to.clone()),
        ];
        fields.extend(self.lease.iter().map(|lease| ("blazz-lease".to_owned(), lease.clone())));
        fields
    }

    fn value(&self, component: &str, fields: &[(String, String)]) -> String {
        match component {
            "@method" => self.method.to_owned(),
            "@path" => self.path.clone(),
            "@query" => format!("?{}", self.query.as_deref().unwrap_or_default()),
            name => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default(),
        }
    }
}

impl Shot {
    /// The value of a field, to be bent.
    pub(crate) fn field(&mut self, name: &str) -> &mut String {
        let at = self.headers.iter().position(|(n, _)| n == name).unwrap();
        &mut self.headers[at].1
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| n != name);
    }

    pub(crate) fn repeat(&mut self, name: &str) {
        let value = self.field(name).clone();
        self.headers.push((name.to_owned(), value));
    }

    pub(crate) async fn fire(&self, base_url: &url::Url) -> Hit {
        let mut url = base_url.clone();
        url.set_path(&self.path);
        url.set_query(self.query.as_deref());
        let http = blazz_wire::http_client(super::served::PATIENCE, super::served::PATIENCE).unwrap();
        let mut request = http.request(self.method.parse().unwrap(), url).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Hit { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

/// What came back.
pub(crate) struct Hit {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Hit {
    pub(crate) fn code(&self) -> String {
        let problem: blazz_wire::Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        problem.code.to_string()
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.headers.contains_key("signature")
    }

    /// Whether it is signed with `key`, for the request that went out as `shot`; checked by hand.
    pub(crate) fn is_signed_for(&self, shot: &mut Shot, key: &Key) -> bool {
        let field = |name: &str| self.headers[name].to_str().unwrap().to_owned();
        let input = field("signature-input");
        let params = input.strip_prefix("blazz=").unwrap();
        let base = answer_base(self.status, &field("content-digest"), shot.field("signature"), params);
        params.contains(&format!("keyid=\"{}\"", key.id))
            && field("content-digest") == digest(&self.body)
            && field("signature") == format!("blazz=:{}:", key.sign(&base))
    }
}

fn answer_base(status: u16, digest: &str, request_signature: &str, params: &str) -> String {
    format!(
        "\"@status\": {status}\n\"content-digest\": {digest}\n\"signature\";req: {request_signature}\n\
         \"@signature-params\": {params}"
    )
}

/// The three fields that sign an answer by hand.
pub(crate) fn sign_answer(
    key: &Key,
    status: u16,
    body: &[u8],
    request_signature: &str,
) -> [(&'static str, String); 3] {
    let params = format!(
        "(\"@status\" \"content-digest\" \"signature\";req);created=1700000000;keyid=\"{}\";tag=\"blazz\"",
        key.id
    );
    let digest = digest(body);
    let signature = key.sign(&answer_base(status, &digest, request_signature, &params));
    [
        ("content-digest", digest),
        ("signature-input", format!("blazz={params}")),
        ("signature", format!("blazz=:{signature}:")),
    ]
}
