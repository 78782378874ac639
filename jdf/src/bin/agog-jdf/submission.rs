//! The message that puts a ticket into the queue of a device, from the options that `pack` and `submit` share.

use agog_jdf::jmf::{Command, Jmf, Message, QueueSubmissionParams};

use crate::replace::random_bits;

#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Where the device sends the ticket when it is done: a JMF endpoint.
    #[arg(long, value_name = "URL")]
    return_jmf: Option<String>,
    /// Where the device puts the ticket when it is done: a folder or a plain URL.
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
    /// Where the device reports on the queue entry.
    #[arg(long, value_name = "URL")]
    watch_url: Option<String>,
    /// The entry waits until it is released.
    #[arg(long)]
    hold: bool,
    /// 0 to 100, higher is sooner.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..=100))]
    priority: Option<i64>,
    /// The device that is meant, where one URL serves several.
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,
    /// Who submits.
    #[arg(long, value_name = "ID", default_value = "agog-jdf")]
    sender_id: String,
}

impl Options {
    /// Whether anything is asked of the message, apart from who sends it.
    pub(crate) fn is_given(&self) -> bool {
        let texts = [
            &self.return_jmf,
            &self.return_url,
            &self.watch_url,
            &self.device_id,
        ];
        self.hold || self.priority.is_some() || texts.iter().any(|text| text.is_some())
    }

    /// A JMF with one `SubmitQueueEntry`, sent now.
    pub(crate) fn to_jmf(&self, url: String) -> Jmf {
        let mut params = QueueSubmissionParams {
            url,
            hold: self.hold,
            priority: self.priority,
            ..QueueSubmissionParams::default()
        };
        params.return_jmf.clone_from(&self.return_jmf);
        params.return_url.clone_from(&self.return_url);
        params.watch_url.clone_from(&self.watch_url);
        let command = Message::command(new_id('C'), Command::SubmitQueueEntry(params));
        let mut jmf = Jmf::new(self.sender_id.as_str(), crate::now()).with(command);
        jmf.device_id.clone_from(&self.device_id);
        jmf
    }
}

/// An ID for a message: no device has seen it before.
pub(crate) fn new_id(family: char) -> String {
    format!("{family}{:032x}", random_bits())
}
