//! A plant as the tests of the business modules see it: it writes a ledger of its own and delivers it over HTTP, as an
//! agent does.

#![expect(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod hub;
pub(crate) mod world;

use agog_sync::chain::ChainHead;
use agog_sync::event::{Actor, Envelope, Event, NewEvent, SealedParts};
use agog_sync::frame::{LedgerBatch, PROTOCOL, TelemetryBatch, TelemetryBlock};
use agog_sync::ids::{EventId, HoldId, LotId, ProducerId};
use agog_sync::lots::{
    Draw, JobRef, LotAttributes, LotConsumed, LotCorrected, LotEvent, LotHeld, LotMerged,
    LotPacked, LotProduced, LotReceived, LotRef, LotReleased, LotShipped, LotSplit, LotUnpacked,
    LotWasted, NewLot, SplitPart, WorkContext,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) use world::Shop;

/// What stands before the kinds of a newer agent.
pub(crate) const NEW_KIND: &str = "next.";

/// An agent's ledger and its end.
pub(crate) struct Ledger {
    pub(crate) producer: ProducerId,
    head: ChainHead,
    last_block: u64,
    rng: StdRng,
}

impl Ledger {
    pub(crate) fn new(producer: ProducerId) -> Self {
        Self {
            producer,
            head: ChainHead::genesis(producer, 1),
            last_block: 0,
            rng: StdRng::from_seed(seed(producer)),
        }
    }

    /// A lot that nobody has met yet.
    pub(crate) fn lot(&mut self, number: &str) -> LotRef {
        LotRef {
            lot_id: LotId::generate(at("2025-10-01T00:00:00Z"), &mut self.rng),
            number: number.to_owned(),
        }
    }

    pub(crate) fn hold_id(&mut self) -> HoldId {
        HoldId::generate(at("2025-10-01T00:00:00Z"), &mut self.rng)
    }

    /// Makes events and seals them at the end of the ledger; each comes with the instant at which it happened.
    pub(crate) fn batch(&mut self, events: Vec<(&str, Event)>) -> LedgerBatch {
        let events: Vec<_> = events
            .into_iter()
            .map(|(when, event)| {
                let when = at(when);
                NewEvent {
                    event_id: EventId::generate(when, &mut self.rng),
                    occurred_at: when,
                    recorded_at: when,
                    actor: Actor::Operator {
                        name: "Jane Smith".to_owned(),
                    },
                    event,
                }
            })
            .collect();
        self.seal(&events.iter().collect::<Vec<_>>())
    }

    /// Seals events at the end of the ledger.
    pub(crate) fn seal(&mut self, events: &[&NewEvent]) -> LedgerBatch {
        let prev_hash = self.head.hash;
        let first_seq = self.head.last_seq + 1;
        let events: Vec<_> = events
            .iter()
            .map(|new| {
                let envelope = Envelope::seal(self.producer, 1, &self.head, new);
                self.head = envelope.head();
                envelope
            })
            .collect();
        LedgerBatch {
            protocol: PROTOCOL,
            producer: self.producer,
            epoch: 1,
            first_seq,
            last_seq: self.head.last_seq,
            prev_hash,
            opened: None,
            events,
        }
    }

    /// Seals an event at the end of the ledger as a newer agent writes it: of a kind that the hub does not know.
    pub(crate) fn unread(&mut self, when: &str, event: Event) -> LedgerBatch {
        let mut batch = self.batch(vec![(when, event)]);
        let event = &mut batch.events[0];
        event.kind.insert_str(0, NEW_KIND);
        let parts = SealedParts {
            seq: event.seq,
            event_id: event.event_id,
            kind: &event.kind,
            version: event.version,
            occurred_at_us: event.occurred_at.as_microsecond(),
            recorded_at_us: event.recorded_at.as_microsecond(),
            actor: &event.actor,
            payload: event.payload.get(),
            prev_hash: &event.prev_hash,
        };
        event.hash = parts.hash(self.producer, 1);
        self.head = event.head();
        batch
    }

    /// Numbers telemetry blocks at the end of the stream.
    pub(crate) fn blocks(&mut self, mut blocks: Vec<TelemetryBlock>) -> TelemetryBatch {
        let first_block = self.last_block + 1;
        for block in &mut blocks {
            self.last_block += 1;
            block.block = self.last_block;
        }
        TelemetryBatch {
            protocol: PROTOCOL,
            producer: self.producer,
            epoch: 1,
            first_block,
            last_block: self.last_block,
            blocks,
        }
    }
}

fn seed(producer: ProducerId) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(producer.uuid().as_bytes());
    seed
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn board() -> Material {
    Material {
        name: "Carton board 300 g".to_owned(),
        width_mm: Some(1000.into()),
        length_mm: Some(700.into()),
        grammage_g_m2: Some(300.into()),
        ..Material::simple("BOARD-300", Unit::Sheet)
    }
}

pub(crate) fn sheets(amount: i64) -> Measured {
    Measured::in_base(Quantity::new(amount.into(), Unit::Sheet))
}

pub(crate) fn draw(lot: &LotRef, amount: i64) -> Draw {
    Draw {
        lot: lot.clone(),
        quantity: sheets(amount),
    }
}

pub(crate) fn work(job: &str, order: &str, customer: &str, device: &str) -> WorkContext {
    WorkContext {
        job: Some(JobRef {
            number: job.to_owned(),
            job_id: None,
            order: Some(order.to_owned()),
            customer: Some(customer.to_owned()),
        }),
        device: Some(device.to_owned()),
        operator: Some("Jane Smith".to_owned()),
    }
}

pub(crate) fn received(lot: &LotRef, amount: i64) -> Event {
    Event::Lot(LotEvent::Received(LotReceived {
        lot: NewLot {
            lot: lot.clone(),
            material: board(),
            quantity: sheets(amount),
            attributes: LotAttributes {
                supplier: Some("Acme Paper Co.".to_owned()),
                supplier_lot: Some("12345".to_owned()),
                location: Some("Warehouse-A, Aisle-3, Rack-B, Shelf-2".to_owned()),
                quality: [("moisture".to_owned(), "4.2%".to_owned())].into(),
                ..LotAttributes::default()
            },
        },
    }))
}

/// Parts are (lot, amount, is waste).
pub(crate) fn split(from: &LotRef, parts: &[(&LotRef, i64, bool)]) -> Event {
    Event::Lot(LotEvent::Split(LotSplit {
        from: from.clone(),
        material: board(),
        parts: parts
            .iter()
            .map(|(lot, amount, waste)| SplitPart {
                lot: (*lot).clone(),
                quantity: sheets(*amount),
                waste: *waste,
            })
            .collect(),
        holds: Vec::new(),
        forced: None,
    }))
}

pub(crate) fn merged(inputs: &[(&LotRef, i64)], into: &LotRef) -> Event {
    Event::Lot(LotEvent::Merged(LotMerged {
        inputs: inputs
            .iter()
            .map(|(lot, amount)| draw(lot, *amount))
            .collect(),
        into: into.clone(),
        material: board(),
        holds: Vec::new(),
        forced: None,
    }))
}

pub(crate) fn consumed(lot: &LotRef, amount: i64, work: &WorkContext) -> Event {
    Event::Lot(LotEvent::Consumed(LotConsumed {
        draw: draw(lot, amount),
        into: Vec::new(),
        work: work.clone(),
        forced: None,
    }))
}

pub(crate) fn wasted(lot: &LotRef, amount: i64, reason: &str, work: &WorkContext) -> Event {
    Event::Lot(LotEvent::Wasted(LotWasted {
        draw: draw(lot, amount),
        reason: reason.to_owned(),
        work: work.clone(),
        forced: None,
    }))
}

/// A job's output that contains what the job consumed before.
pub(crate) fn produced(
    output: &LotRef,
    amount: i64,
    sources: &[&LotRef],
    work: &WorkContext,
) -> Event {
    Event::Lot(LotEvent::Produced(LotProduced {
        outputs: vec![NewLot {
            lot: output.clone(),
            material: Material::simple("CARTON-1", Unit::Sheet),
            quantity: sheets(amount),
            attributes: LotAttributes::default(),
        }],
        inputs: Vec::new(),
        sources: sources.iter().map(|lot| (*lot).clone()).collect(),
        work: work.clone(),
        forced: None,
    }))
}

pub(crate) fn shipped(lot: &LotRef, amount: i64, order: &str, customer: &str) -> Event {
    Event::Lot(LotEvent::Shipped(LotShipped {
        sscc: None,
        draw: draw(lot, amount),
        order: order.to_owned(),
        customer: customer.to_owned(),
        reference: None,
        forced: None,
    }))
}

/// The container of that number.
pub(crate) fn sscc(container: u32) -> Sscc {
    Sscc::with_check_digit(&format!("34012345{container:09}")).unwrap()
}

fn contents(lots: &[(&LotRef, i64)]) -> Vec<Draw> {
    lots.iter()
        .map(|(lot, amount)| draw(lot, *amount))
        .collect()
}

pub(crate) fn packed(sscc: Sscc, lots: &[(&LotRef, i64)]) -> Event {
    Event::Lot(LotEvent::Packed(LotPacked {
        sscc,
        contents: contents(lots),
        added: false,
        forced: None,
    }))
}

pub(crate) fn unpacked(sscc: Sscc, lots: &[(&LotRef, i64)]) -> Event {
    Event::Lot(LotEvent::Unpacked(LotUnpacked {
        sscc,
        contents: contents(lots),
        forced: None,
    }))
}

pub(crate) fn shipped_in(
    sscc: Sscc,
    lot: &LotRef,
    amount: i64,
    order: &str,
    customer: &str,
) -> Event {
    match shipped(lot, amount, order, customer) {
        Event::Lot(LotEvent::Shipped(event)) => Event::Lot(LotEvent::Shipped(LotShipped {
            sscc: Some(sscc),
            ..event
        })),
        other => other,
    }
}

pub(crate) fn released(lot: &LotRef, hold_id: HoldId) -> Event {
    Event::Lot(LotEvent::Released(LotReleased {
        hold_id,
        lot: lot.clone(),
        reason: "checked".to_owned(),
    }))
}

/// The correction of an event.
pub(crate) fn corrected(event_id: EventId, event: &Event) -> Event {
    let payload = event.payload();
    let undone = (event.kind(), event.version(), &*payload);
    let corrected = LotCorrected::new(event_id, undone, "mistyped".to_owned(), None);
    Event::Lot(LotEvent::Corrected(corrected.unwrap()))
}

pub(crate) fn held(lot: &LotRef, hold_id: HoldId, reason: &str) -> Event {
    Event::Lot(LotEvent::Held(LotHeld {
        hold_id,
        lot: lot.clone(),
        reason: reason.to_owned(),
    }))
}
