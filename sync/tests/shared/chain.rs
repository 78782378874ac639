//! Sealed events without a meaning, for tests about chains.

use agog_sync::chain::ChainHead;
use agog_sync::event::{Actor, Envelope, Event, NewEvent, TelemetryGap};
use agog_sync::ids::{EventId, ProducerId};
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) fn producer() -> ProducerId {
    ProducerId::from_uuid(Uuid::from_u128(77))
}

/// `length` events after `head`; `flavour` makes events with other content.
pub(crate) fn events(epoch: u64, mut head: ChainHead, length: u64, flavour: u128) -> Vec<Envelope> {
    let at = Timestamp::from_second(1_760_000_000).unwrap();
    (0..length)
        .map(|_| {
            let seq = head.last_seq + 1;
            let new = NewEvent {
                event_id: EventId::from_uuid(Uuid::from_u128(flavour << 64 | u128::from(seq))),
                occurred_at: at,
                recorded_at: at,
                actor: Actor::System {
                    component: "test".to_owned(),
                },
                event: Event::Gap(TelemetryGap {
                    series: None,
                    from: at,
                    to: at,
                    count: seq,
                    reason: "test".to_owned(),
                }),
            };
            let envelope = Envelope::seal(producer(), epoch, &head, &new);
            head = envelope.head();
            envelope
        })
        .collect()
}
