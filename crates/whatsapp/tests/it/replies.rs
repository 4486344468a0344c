//! Replies and reactions, from one session to another: both ends are the real engine.

use std::sync::Arc;

use blazz_domain::{
    AccountId, Jid, Lease, MessageContent, ProviderMessageId, Reference, SendOutcome, SessionEvent,
    SessionMessage, SystemClock,
};
use blazz_whatsapp::Session;

use crate::stage::{ANNA, BERT, Stage, connected, jid, outbox, qr, send, until};

/// A second session, linked to Bert's phone.
async fn bert(stage: &Stage) -> Session {
    let lease = Lease { account_id: AccountId::new(), ..stage.lease };
    let directory = stage.root.open_session(&lease, false).unwrap();
    let (config, clock) = (Arc::new(stage.config.clone()), Arc::new(SystemClock));
    let session =
        Session::open(config, stage.settings.clone(), directory, stage.numbers.clone(), clock).await.unwrap();
    let code = qr(&session).await;
    stage.emulator.scan(BERT, &code).await.unwrap();
    connected(&session).await;
    session
}

async fn arrived(session: &Session, id: &ProviderMessageId) -> SessionMessage {
    until("the message", async || {
        outbox(session).into_iter().find_map(|event| match event {
            SessionEvent::Message(message) if message.id == *id => Some(message),
            _ => None,
        })
    })
    .await
}

fn text(text: &str) -> MessageContent {
    MessageContent::Text { text: text.to_owned() }
}

fn reaction(target: &ProviderMessageId, emoji: &str) -> MessageContent {
    MessageContent::Reaction {
        message_id: None,
        provider_message_id: target.clone(),
        emoji: emoji.to_owned(),
    }
}

async fn say(session: &Session, to: &Jid, content: &MessageContent, about: &Reference) -> ProviderMessageId {
    let id = ProviderMessageId::generate();
    let outcome = session.send(to, &id, content, Some(about), None).await;
    assert!(matches!(outcome, SendOutcome::Acknowledged { .. }), "{outcome:?}");
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_and_reactions_go_both_ways() {
    let stage = Stage::new().await;
    let (anna, bert) = (stage.linked().await, bert(&stage).await);
    let question = ProviderMessageId::generate();
    send(&anna, &question, "ten o'clock?").await;
    let heard = arrived(&bert, &question).await;
    assert_eq!(heard.reply_to, None);

    // Bert answers at the address under which he heard it.
    let about = Reference {
        id: question.clone(),
        from_me: false,
        sender: Some(heard.sender.jid.clone()),
        content: heard.content.clone(),
    };
    let answer = say(&bert, &heard.chat.jid, &text("fine"), &about).await;
    let heard = arrived(&anna, &answer).await;
    assert_eq!(heard.content, text("fine"));
    let quote = heard.reply_to.unwrap();
    assert_eq!((quote.provider_message_id, quote.preview.as_str()), (question.clone(), "ten o'clock?"));
    assert_eq!(quote.message_id, None, "only the API knows");

    // Anna reacts to the answer and takes it back, then adds to her own question.
    let about =
        Reference { id: answer.clone(), from_me: false, sender: Some(jid(BERT)), content: text("fine") };
    for emoji in ["👍", ""] {
        let reacted = say(&anna, &jid(BERT), &reaction(&answer, emoji), &about).await;
        let heard = arrived(&bert, &reacted).await;
        assert_eq!((heard.content, heard.from_me), (reaction(&answer, emoji), false));
    }
    let about =
        Reference { id: question.clone(), from_me: true, sender: None, content: text("ten o'clock?") };
    let addition = say(&anna, &jid(BERT), &text("sharp"), &about).await;
    let quote = arrived(&bert, &addition).await.reply_to.unwrap();
    assert_eq!(quote.provider_message_id, question);
    assert_eq!(stage.phone_has(BERT, &addition.0).await.arrivals, 1);
    stage.close(anna).await;
    stage.close(bert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_to_nothing_is_refused_and_nothing_written() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let frames = stage.emulator.stats().await.messages;
    let target = ProviderMessageId("3EB0AA".to_owned());
    let id = ProviderMessageId::generate();
    let outcome = session.send(&jid(BERT), &id, &reaction(&target, "👍"), None, None).await;
    assert_eq!(outcome, SendOutcome::Refused { code: 400 });
    assert_eq!(stage.emulator.stats().await.messages, frames);
    assert!(stage.emulator.messages(ANNA).await.unwrap().is_empty());
    stage.close(session).await;
}
