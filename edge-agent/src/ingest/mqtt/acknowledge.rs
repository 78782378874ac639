//! Which messages are on disk, and which of them the broker was told so.
//!
//! An acknowledgement of an earlier connection is never sent on a later one, where its packet id names another message.
//! They go out in the order of arrival, as MQTT wants it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use rumqttc::{AsyncClient, Publish, QoS};
use tracing::debug;

use crate::telemetry::{Sample, Telemetry, TelemetryError};

/// Messages that arrived and are not on disk yet. At the limit the socket is not read: the broker keeps the rest. Commits go on
/// whatever becomes of acknowledgements, so the limit is left again.
pub(super) const PENDING_MAX: usize = 4_096;

/// The broker sends such a message once.
const LOST: &str = "values of MQTT messages with QoS 0 could not be stored";

/// A message whose samples wait for their commit, and the connection that it came by.
type Pending = Pin<Box<dyn Future<Output = (u64, Publish, Result<(), TelemetryError>)> + Send>>;

#[derive(Default)]
pub(super) struct Acknowledgements {
    pending: FuturesOrdered<Pending>,
    /// Committed, and the client had no room for the acknowledgement yet: as many as packet ids at most, for a broker that
    /// holds nothing back.
    unsent: VecDeque<Publish>,
    /// Counts connections.
    connection: u64,
}

impl Acknowledgements {
    pub(super) fn has_room(&self) -> bool {
        self.pending.len() < PENDING_MAX
    }

    /// Stores the samples of a message, to be acknowledged after their commit.
    pub(super) fn store(
        &mut self,
        mut publish: Publish,
        telemetry: &Telemetry,
        samples: Vec<Sample>,
    ) {
        // Only its packet id is needed from here on, and thousands may wait.
        publish.payload = Bytes::new();
        publish.topic = String::new();
        let is_once = publish.qos == QoS::AtMostOnce;
        let telemetry = telemetry.clone();
        let connection = self.connection;
        self.pending.push_back(Box::pin(async move {
            let result = if samples.is_empty() {
                Ok(())
            } else {
                let submitted = if is_once {
                    telemetry.submit_once(samples, LOST).await
                } else {
                    telemetry.submit(samples).await
                };
                match submitted {
                    Ok(receipt) => receipt.committed().await,
                    Err(error) => Err(error),
                }
            };
            (connection, publish, result)
        }));
    }

    /// Waits for the next commit. None while nothing is to be committed.
    pub(super) async fn next(&mut self) -> Option<Result<(), TelemetryError>> {
        let (connection, publish, result) = self.pending.next().await?;
        if connection != self.connection {
            return Some(Ok(()));
        }
        if result.is_ok() && publish.qos != QoS::AtMostOnce {
            self.unsent.push_back(publish);
        }
        Some(result)
    }

    /// Hands acknowledgements to the client without waiting; what it has no room for stays, in order.
    pub(super) fn send(&mut self, client: &AsyncClient) {
        while let Some(publish) = self.unsent.front() {
            if client.try_ack(publish).is_err() {
                debug!("mqtt client is busy; acknowledgements wait");
                return;
            }
            self.unsent.pop_front();
        }
    }

    /// What is not acknowledged yet will be delivered again.
    pub(super) fn next_connection(&mut self) {
        self.connection += 1;
        self.unsent.clear();
    }

    /// Everything that arrived is committed and told.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.unsent.is_empty()
    }
}
