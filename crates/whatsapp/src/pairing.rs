//! Linking by a code that is typed into the phone, instead of a QR code that it scans.
//!
//! Source: whatsapp-rust 0.7.0, `src/pair_code.rs`, as WhatsApp Web's link with a phone number does it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blazz_domain::{Clock, PairingCode, PhoneNumber};
use tokio::time::Instant;
use whatsapp_rust::pair_code::{PairCodeOptions, PairCodeRejection, PairError};
use whatsapp_rust::wacore::pair_code::PairCodeUtils;

use crate::connection::Link;

/// Why there is no pairing code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// The session does not wait to be linked just now.
    #[error("the session does not wait to be linked")]
    NotReady,
    /// WhatsApp has been asked too often, or does not like the number: it says both in the same words.
    #[error("whatsapp has been asked for codes too often, or has no such number")]
    RateLimited,
    /// WhatsApp gives no code for this number.
    #[error("whatsapp gives no code: {0}")]
    Refused(String),
    /// WhatsApp did not answer.
    #[error("whatsapp did not answer: {0}")]
    NoAnswer(String),
}

/// The connection over which a code can be asked for, and until when the last one counts.
#[derive(Default)]
pub(crate) struct Pairing(Mutex<State>);

#[derive(Default)]
struct State {
    link: Option<Arc<Link>>,
    code_until: Option<Instant>,
}

impl Pairing {
    /// The session waits to be linked over this connection.
    pub(crate) fn open(&self, link: &Arc<Link>) {
        self.state().link = Some(Arc::clone(link));
    }

    /// It waits no longer: no code counts.
    pub(crate) fn close(&self) {
        *self.state() = State::default();
    }

    /// Until when a phone may still type a code.
    pub(crate) fn code_until(&self) -> Option<Instant> {
        self.state().code_until.filter(|until| *until > Instant::now())
    }

    /// Asks for a code. Runs to its end among the connection's tasks even when the caller goes.
    pub(crate) async fn request(
        &self,
        phone: &PhoneNumber,
        clock: &dyn Clock,
    ) -> Result<PairingCode, PairingError> {
        let link = self.state().link.clone().ok_or(PairingError::NotReady)?;
        // The engine's count of the code's time begins with the request.
        let (asked, asked_at) = (Instant::now(), clock.now());
        let until = asked + PairCodeUtils::code_validity();
        self.state().code_until = Some(until);
        let client = Arc::clone(&link.client);
        let options =
            PairCodeOptions { phone_number: phone.digits().to_owned(), ..PairCodeOptions::default() };
        let asking = link.tasks.run(async move {
            client.cancel_pair_code().await;
            client.pair_with_code(options).await
        });
        let answer = match asking.await {
            Ok(Some(answer)) => answer.map_err(|error| refusal(&error)),
            Ok(None) | Err(_) => Err(PairingError::NotReady),
        };
        match answer {
            Ok(code) => Ok(PairingCode { code, expires_at: asked_at.plus(PairCodeUtils::code_validity()) }),
            Err(error) => {
                let mut state = self.state();
                if state.code_until == Some(until) {
                    state.code_until = None;
                }
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(error: &PairError) -> PairingError {
    match error.rejection() {
        Some(rejection) if rejection.is_throttled() => PairingError::RateLimited,
        Some(PairCodeRejection::InternalServerError) => PairingError::NoAnswer("it has trouble".to_owned()),
        Some(rejection) => PairingError::Refused(rejection.to_string()),
        None => match error {
            PairError::PairCode(error) => PairingError::Refused(error.to_string()),
            other => PairingError::NoAnswer(other.to_string()),
        },
    }
}
