//! What became of a send, and storing it.

use blazz_database::messages;
use blazz_domain::{
    ErrorCode, EventPayload, Message, MessageId, MessageStatus, SendOutcome, Timestamp, WorkspaceId,
};
use blazz_wire::CallError;

use super::Courier;
use crate::{ServiceError, events};

/// What an attempt tells about the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// WhatsApp's server has it.
    Sent { at: Timestamp },
    /// It will never be taken.
    Refused(ErrorCode),
    /// Nothing was written.
    NotWritten,
    /// It may have been written; why nobody knows.
    MaybeWritten(String),
}

pub(super) fn judge(answer: Result<SendOutcome, CallError>) -> Verdict {
    match answer {
        Ok(SendOutcome::Acknowledged { at }) => Verdict::Sent { at },
        Ok(SendOutcome::Refused { code }) => {
            tracing::warn!(code, "whatsapp refused a message");
            Verdict::Refused(ErrorCode::MessageRefused)
        }
        Ok(SendOutcome::NotConnected) | Err(CallError::Unreachable(_)) => Verdict::NotWritten,
        Ok(SendOutcome::Unacknowledged) => Verdict::MaybeWritten("no acknowledgement in time".to_owned()),
        Err(CallError::Refused(problem)) if problem.status >= 500 && problem.code == ErrorCode::Internal => {
            Verdict::MaybeWritten("the node met a fault".to_owned())
        }
        // An unknown code of a newer node is read as this one; only the status says that the request itself is bad.
        Err(CallError::Refused(problem))
            if problem.status == 400 && problem.code == ErrorCode::InvalidRequest =>
        {
            Verdict::Refused(ErrorCode::MessageRefused)
        }
        Err(CallError::Refused(problem)) => {
            tracing::info!(code = %problem.code, "the node did not take a message");
            Verdict::NotWritten
        }
        Err(CallError::Interrupted(reason)) => Verdict::MaybeWritten(reason),
        // Whoever answered, the node may have done what was asked.
        Err(CallError::BadAnswer(reason)) => Verdict::MaybeWritten(reason),
    }
}

/// Raises the status with its event.
pub(super) async fn settle(
    courier: &Courier,
    workspace_id: WorkspaceId,
    id: MessageId,
    status: MessageStatus,
    at: Timestamp,
    error: Option<ErrorCode>,
) -> Result<(), ServiceError> {
    let clock = courier.clock.as_ref();
    let mut conn = courier.pool.get().await?;
    let mark = conn
        .transaction(async |conn| {
            let raised = messages::raise_status(conn, workspace_id, id, status, at, error).await?;
            let Some(row) = raised else { return Ok::<_, ServiceError>(None) };
            let payload = EventPayload::MessageStatusUpdated(Message::from(row));
            Ok(events::append(conn, clock, workspace_id, vec![payload]).await?)
        })
        .await?;
    events::announce(&courier.bus, mark);
    Ok(())
}

#[cfg(test)]
mod tests {
    use blazz_wire::problem::Problem;

    use super::*;

    fn refused(status: u16, code: ErrorCode) -> Result<SendOutcome, CallError> {
        Err(CallError::Refused(Problem::new(status, code)))
    }

    #[test]
    fn only_what_may_have_left_counts_as_a_possible_write() {
        let not_written = [
            Ok(SendOutcome::NotConnected),
            Err(CallError::Unreachable("refused".into())),
            refused(409, ErrorCode::StaleLease),
            refused(409, ErrorCode::SessionNotRunning),
            refused(401, ErrorCode::BadSignature),
            refused(503, ErrorCode::Unavailable),
            refused(409, ErrorCode::InvalidRequest),
        ];
        for answer in not_written {
            assert_eq!(judge(answer), Verdict::NotWritten);
        }
        let maybe = [
            Ok(SendOutcome::Unacknowledged),
            Err(CallError::Interrupted("timeout".into())),
            Err(CallError::BadAnswer("forged".into())),
            refused(500, ErrorCode::Internal),
        ];
        for answer in maybe {
            assert!(matches!(judge(answer), Verdict::MaybeWritten(_)));
        }
    }

    #[test]
    fn a_refusal_is_final() {
        assert_eq!(
            judge(Ok(SendOutcome::Refused { code: 406 })),
            Verdict::Refused(ErrorCode::MessageRefused)
        );
        assert_eq!(
            judge(refused(400, ErrorCode::InvalidRequest)),
            Verdict::Refused(ErrorCode::MessageRefused)
        );
    }
}
