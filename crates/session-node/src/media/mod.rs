//! Files between WhatsApp and the API: what a session received is fetched and handed over, what it is to send is brought.

mod fetcher;
mod hand_over;
mod source;

pub(crate) use fetcher::Fetcher;
pub(crate) use source::source;
