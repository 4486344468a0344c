//! `POST /v1/messages`.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use blazz_domain::{AccountId, ErrorCode, MediaId, MediaKind, Message, MessageId};
use blazz_services::ServiceError;
use blazz_services::messages::{self, SendContent, SendFile, SendRequest, Sent};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, IdempotencyKey, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(
    InvalidPhone,
    InvalidIdempotencyKey,
    AccountNotFound,
    AccountNotLinked,
    AccountLoggedOut,
    MessageNotFound,
    MediaNotFound,
    MediaNotSendable,
    WrongConversation,
    IdempotencyKeyReused,
);

/// A message to send: a `text`, a file (`image`, `video`, `audio`, `document` or `sticker`) or a `reaction`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "account_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03", "to": "+15550000002", "text": "Hello!" }))]
pub(crate) struct SendMessage {
    /// The account to send from.
    account_id: AccountId,
    /// The phone number to send to, in international format.
    to: String,
    /// The text, at most 65,536 bytes of UTF-8.
    #[schema(min_length = 1)]
    text: Option<String>,
    /// A picture, of at most 16 MiB.
    image: Option<SendPicture>,
    /// A video, of at most 16 MiB.
    video: Option<SendPicture>,
    /// Audio, or a voice note, of at most 16 MiB.
    audio: Option<SendAudio>,
    /// Any file.
    document: Option<SendDocument>,
    /// A sticker: a WebP picture.
    sticker: Option<SendSticker>,
    /// The message that the text or the file answers: one of the conversation with the recipient.
    reply_to: Option<MessageId>,
    /// A reaction to a message, instead of anything else.
    reaction: Option<SendReaction>,
}

/// A reaction to a message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "message_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e04", "emoji": "👍" }))]
pub(crate) struct SendReaction {
    /// The message: one of the conversation with the recipient.
    message_id: MessageId,
    /// The emoji. Empty takes the account's earlier reaction to that message back.
    emoji: String,
}

/// A picture or a video to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "media_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09", "caption": "The new price list" }))]
pub(crate) struct SendPicture {
    /// The uploaded file.
    media_id: MediaId,
    /// What stands below it, at most 4,096 bytes of UTF-8.
    caption: Option<String>,
}

/// Audio to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "media_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09", "voice": true }))]
pub(crate) struct SendAudio {
    /// The uploaded file.
    media_id: MediaId,
    /// Whether it is shown as a voice note; that has to be Opus in an Ogg file.
    #[serde(default)]
    voice: bool,
}

/// A document to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "media_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09", "caption": "Please sign", "filename": "contract.pdf" }))]
pub(crate) struct SendDocument {
    /// The uploaded file.
    media_id: MediaId,
    /// What stands below it, at most 4,096 bytes of UTF-8.
    caption: Option<String>,
    /// Its name, instead of the one it was uploaded with.
    filename: Option<String>,
}

/// A sticker to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "media_id": "019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09" }))]
pub(crate) struct SendSticker {
    /// The uploaded file.
    media_id: MediaId,
}

impl SendPicture {
    fn content(self, kind: MediaKind) -> SendContent {
        let Self { media_id, caption } = self;
        SendContent::File(SendFile { kind, media_id, caption, filename: None, voice: false })
    }
}

impl From<SendAudio> for SendContent {
    fn from(SendAudio { media_id, voice }: SendAudio) -> Self {
        Self::File(SendFile { kind: MediaKind::Audio, media_id, caption: None, filename: None, voice })
    }
}

impl From<SendDocument> for SendContent {
    fn from(SendDocument { media_id, caption, filename }: SendDocument) -> Self {
        Self::File(SendFile { kind: MediaKind::Document, media_id, caption, filename, voice: false })
    }
}

impl From<SendSticker> for SendContent {
    fn from(SendSticker { media_id }: SendSticker) -> Self {
        Self::File(SendFile {
            kind: MediaKind::Sticker,
            media_id,
            caption: None,
            filename: None,
            voice: false,
        })
    }
}

impl From<SendReaction> for SendContent {
    fn from(SendReaction { message_id, emoji }: SendReaction) -> Self {
        Self::Reaction { message_id, emoji }
    }
}

impl TryFrom<SendMessage> for SendRequest {
    type Error = ServiceError;

    fn try_from(body: SendMessage) -> Result<Self, Self::Error> {
        let said = [
            body.text.map(SendContent::Text),
            body.image.map(|image| image.content(MediaKind::Image)),
            body.video.map(|video| video.content(MediaKind::Video)),
            body.audio.map(SendContent::from),
            body.document.map(SendContent::from),
            body.sticker.map(SendContent::from),
            body.reaction.map(SendContent::from),
        ];
        let mut said = said.into_iter().flatten();
        let (Some(content), None) = (said.next(), said.next()) else {
            let detail =
                "a message has exactly one of text, image, video, audio, document, sticker and reaction";
            return Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
        };
        Ok(Self { account_id: body.account_id, to: body.to, content, reply_to: body.reply_to })
    }
}

/// Send a message.
///
/// Once this answers, the message is kept until it is sent or its time runs out; with an `Idempotency-Key`, the
/// same request again gives the same message again.
#[utoipa::path(
    operation_id = "sendMessage",
    tag = "messages",
    security(("workspace_key" = ["messages:send"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable ASCII characters, chosen by you, for this request alone.",
        min_length = 1, max_length = 255)),
    request_body(content = SendMessage, examples(
        ("text" = (summary = "A text", value = json!(examples::send_text()))),
        ("reply" = (summary = "A reply", value = json!(examples::send_reply()))),
        ("image" = (summary = "A picture", value = json!(examples::send_image()))),
        ("document" = (summary = "A document", value = json!(examples::send_document()))),
        ("reaction" = (summary = "A reaction", value = json!(examples::send_reaction()))),
    )),
    responses(
        (status = 201, description = "The message; what could be done about it has been done.",
            headers(
                ("Location" = String, description = "Where it is found."),
                ("Idempotency-Replayed" = Option<bool>, description = "`true` when an earlier request with the same key had stored it."),
            ),
            body = Message, example = json!(examples::message())),
        (status = 202, description = "The message, which is still to be sent: its session is offline, or others of its conversation come first.",
            headers(
                ("Location" = String, description = "Where it is found."),
                ("Idempotency-Replayed" = Option<bool>, description = "`true` when an earlier request with the same key had stored it."),
            ),
            body = Message, example = json!(examples::queued_message())),
        Refusals,
    ),
)]
#[post("/v1/messages")]
pub(crate) async fn send_message(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    IdempotencyKey(key): IdempotencyKey,
    Traced(request_id): Traced,
    Body(body): Body<SendMessage>,
) -> Result<HttpResponse, ApiError> {
    let request = SendRequest::try_from(body)?;
    let work = |state: Data<AppState>| async move {
        messages::send(&state.services, workspace_id, &request, key.as_deref(), &request_id).await
    };
    Ok(answer(promise(state, work).await?))
}

fn answer(Sent { message, replayed }: Sent) -> HttpResponse {
    let mut answer =
        if message.status.is_settled() { HttpResponse::Created() } else { HttpResponse::Accepted() };
    answer.insert_header((LOCATION, format!("/v1/messages/{}", message.id)));
    if replayed {
        answer.insert_header(("Idempotency-Replayed", "true"));
    }
    answer.json(message)
}
