//! Files over the hop: signed by their digest, and checked while they pass, so that neither end holds one in memory.

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::CallError;
use super::hop::{Call, Hop, another_digest, chain};
use crate::signature::RunningDigest;

pub(super) const OCTETS: &str = "application/octet-stream";
/// How long a file may take over the hop.
pub const MAX_FILE_TIME: Duration = Duration::from_secs(600);

/// A file to send. Its digest and its length are signed; if its bytes turn out to be others, the other end refuses them.
pub struct FileToSend {
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its length in bytes.
    pub size: u64,
    /// Its bytes.
    pub body: reqwest::Body,
}

impl Hop {
    /// Writes the file that answers the call to `sink`; its length. What was written counts only when this succeeds.
    pub(super) async fn fetch(
        &self,
        mut call: Call<'_>,
        limit: u64,
        sink: &mut (dyn AsyncWrite + Unpin + Send),
    ) -> Result<u64, CallError> {
        call.timeout = Some(MAX_FILE_TIME);
        let (mut response, signature) = self.send(call).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response, &signature).await);
        }
        let expected = self.verify(status, response.headers(), &signature)?;
        let (mut digest, mut size) = (RunningDigest::default(), 0_u64);
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| CallError::Interrupted(chain(&error.without_url())))?;
            let Some(chunk) = chunk else { break };
            size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if size > limit {
                return Err(CallError::BadAnswer("the file is larger than it should be".to_owned()));
            }
            digest.update(&chunk);
            sink.write_all(&chunk).await.map_err(not_written)?;
        }
        sink.flush().await.map_err(not_written)?;
        if digest.is(&expected) { Ok(size) } else { Err(another_digest(status)) }
    }
}

fn not_written(error: std::io::Error) -> CallError {
    CallError::Interrupted(format!("the file cannot be written: {error}"))
}
