//! Which EPCIS event a movement is. One match; a new kind is one more arm.
//!
//! | ours | EPCIS | business step, disposition |
//! |---|---|---|
//! | received | `ObjectEvent` ADD: our lot begins here | `receiving`, `in_progress` |
//! | split, merged | `TransformationEvent`, whole in itself | `creating_class_instance`, `active` |
//! | produced | `TransformationEvent`; those of a job share a `transformationID` | `creating_class_instance`, `active` |
//! | consumed | `TransformationEvent` with inputs alone, same `transformationID`; without a job `ObjectEvent` DELETE | none; `decommissioning`, `inactive` |
//! | wasted, waste of a split | `ObjectEvent` DELETE | `destroying`, `destroyed` |
//! | adjusted | `ObjectEvent` ADD or DELETE of the difference | `cycle_counting`, `active` |
//! | moved | `ObjectEvent` OBSERVE | `storing`, `in_progress` |
//! | packed, unpacked | `AggregationEvent` ADD, DELETE; the parent is the container | `packing`, `unpacking`, `in_progress` |
//! | shipped | `ObjectEvent` OBSERVE, of the container too | `shipping`, `in_transit` |
//! | held | `ObjectEvent` OBSERVE | `holding`, `non_sellable_other` |
//! | released | `ObjectEvent` OBSERVE | `holding`, `active`, or `non_sellable_other` while another hold stands |
//!
//! A split is no `AggregationEvent`: that tells of things that are put together and come apart again unchanged (packing,
//! loading), while the parts of a split are new lots that never become their parent again. GS1 has the
//! `TransformationEvent` for that: its outputs come to be, for good, from its inputs. What is left of the parent keeps its name and is not
//! named; the inputs say how much was drawn.

use agog_sync::ids::EventId;
use agog_sync::lots::{Draw, LotAttributes, LotCorrected, LotEvent, LotRef, NewLot, WorkContext};
use agog_sync::quantity::{Quantity, Unit};
use agog_sync::sscc::Sscc;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ExportError;
use super::names::Names;
use crate::ledger::Reader;
use crate::ledger::export::StoredEvent;

/// An event as EPCIS writes it. What is empty is left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EpcisEvent {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "eventID")]
    event_id: String,
    event_time: String,
    event_time_zone_offset: String,
    record_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_declaration: Option<ErrorDeclaration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(rename = "parentID", skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_quantity_list: Vec<QuantityElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    epc_list: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quantity_list: Vec<QuantityElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    input_quantity_list: Vec<QuantityElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    output_quantity_list: Vec<QuantityElement>,
    #[serde(rename = "transformationID", skip_serializing_if = "Option::is_none")]
    transformation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<&'static str>,
    read_point: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_location: Option<Id>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    biz_transaction_list: Vec<BizTransaction>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_list: Vec<Source>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destination_list: Vec<Destination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ilmd: Option<Ilmd>,
    /// The kind of the ledger event.
    #[serde(rename = "agog:kind")]
    agog_kind: String,
    /// Epoch and number of the ledger event.
    #[serde(rename = "agog:sequence")]
    agog_sequence: String,
    /// The numbers on the labels of the lots.
    #[serde(rename = "agog:lots", skip_serializing_if = "Vec::is_empty")]
    agog_lots: Vec<LotName>,
    #[serde(rename = "agog:reason", skip_serializing_if = "Option::is_none")]
    agog_reason: Option<String>,
}

/// Says that what the event tells did not happen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorDeclaration {
    declaration_time: String,
    reason: &'static str,
    #[serde(rename = "agog:reason")]
    agog_reason: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuantityElement {
    epc_class: String,
    /// The exact decimal: a float has no room for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uom: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
struct Id {
    id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BizTransaction {
    #[serde(rename = "type")]
    kind: &'static str,
    biz_transaction: String,
}

#[derive(Debug, Serialize)]
struct Source {
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
}

#[derive(Debug, Serialize)]
struct Destination {
    #[serde(rename = "type")]
    kind: &'static str,
    destination: String,
}

/// Master data of a lot that begins, in the words of CBV.
#[derive(Debug, Serialize)]
struct Ilmd {
    #[serde(rename = "cbvmda:lotNumber")]
    lot_number: String,
    #[serde(
        rename = "cbvmda:itemExpirationDate",
        skip_serializing_if = "Option::is_none"
    )]
    expiry: Option<String>,
    #[serde(rename = "agog:supplierLot", skip_serializing_if = "Option::is_none")]
    supplier_lot: Option<String>,
    #[serde(rename = "agog:material")]
    material: String,
}

#[derive(Debug, Serialize)]
struct LotName {
    #[serde(rename = "agog:class")]
    class: String,
    #[serde(rename = "agog:number")]
    number: String,
}

const OBJECT: &str = "ObjectEvent";
const AGGREGATION: &str = "AggregationEvent";
const TRANSFORMATION: &str = "TransformationEvent";

/// What events are made with.
pub(super) struct Mapping<'a> {
    pub(super) names: Names<'a>,
    pub(super) reader: &'a Reader,
    pub(super) zone: &'a TimeZone,
}

impl Mapping<'_> {
    /// The events that tell of a movement; the first has its id.
    pub(super) fn events(
        &self,
        stored: &StoredEvent,
        event: &LotEvent,
    ) -> Result<Vec<EpcisEvent>, ExportError> {
        let mut told = self.new_event(stored);
        self.name_lots(&mut told, event)?;
        match event {
            LotEvent::Received(event) => {
                let new = &event.lot;
                self.object(&mut told, "ADD", &new.lot, Some(new.quantity.base))?;
                told.is("receiving", "in_progress");
                if let Some(supplier) = &new.attributes.supplier {
                    told.source_list.push(Source {
                        kind: "possessing_party",
                        source: self.names.party(supplier),
                    });
                }
                if let Some(location) = &new.attributes.location {
                    told.biz_location = Some(self.place(location));
                }
                told.ilmd = Some(ilmd(&new.lot.number, &new.material.code, &new.attributes));
            }
            LotEvent::Split(event) => {
                let unit = event.material.base_unit;
                let total: Decimal = event
                    .parts
                    .iter()
                    .map(|part| part.quantity.base.amount)
                    .sum();
                told.kind = TRANSFORMATION;
                let drawn = Some(Quantity::new(total, unit));
                told.input_quantity_list = vec![self.element(&event.from, drawn)?];
                for part in &event.parts {
                    let part = self.element(&part.lot, Some(part.quantity.base))?;
                    told.output_quantity_list.push(part);
                }
                told.is("creating_class_instance", held_or_active(&event.holds));
                let waste: Vec<_> = event.parts.iter().filter(|part| part.waste).collect();
                if !waste.is_empty() {
                    let mut destroyed = self.new_event(stored);
                    destroyed.event_id = urn(derived(stored.envelope.event_id));
                    destroyed.kind = OBJECT;
                    destroyed.action = Some("DELETE");
                    for part in waste {
                        let element = self.element(&part.lot, Some(part.quantity.base))?;
                        destroyed.quantity_list.push(element);
                        destroyed.agog_lots.push(self.lot_name(&part.lot)?);
                    }
                    destroyed.is("destroying", "destroyed");
                    return Ok(vec![told, destroyed]);
                }
            }
            LotEvent::Merged(event) => {
                let total: Decimal = event.inputs.iter().map(|of| of.quantity.base.amount).sum();
                let total = Quantity::new(total, event.material.base_unit);
                told.kind = TRANSFORMATION;
                told.input_quantity_list = self.draws(&event.inputs)?;
                told.output_quantity_list = vec![self.element(&event.into, Some(total))?];
                told.is("creating_class_instance", held_or_active(&event.holds));
            }
            LotEvent::Produced(event) => {
                told.kind = TRANSFORMATION;
                told.input_quantity_list = self.draws(&event.inputs)?;
                for NewLot { lot, quantity, .. } in &event.outputs {
                    let output = self.element(lot, Some(quantity.base))?;
                    told.output_quantity_list.push(output);
                }
                // Without inputs of its own and without a job, the event stands for itself.
                told.transformation_id = Some(
                    self.job(&event.work)
                        .unwrap_or_else(|| told.event_id.clone()),
                );
                told.is("creating_class_instance", "active");
                if let [only] = &event.outputs[..] {
                    told.ilmd = Some(ilmd(
                        &only.lot.number,
                        &only.material.code,
                        &only.attributes,
                    ));
                }
            }
            LotEvent::Consumed(event) => {
                if let Some(job) = self.job(&event.work) {
                    told.kind = TRANSFORMATION;
                    told.input_quantity_list = vec![self.draw(&event.draw)?];
                    told.transformation_id = Some(job);
                } else {
                    let Draw { lot, quantity } = &event.draw;
                    self.object(&mut told, "DELETE", lot, Some(quantity.base))?;
                    told.is("decommissioning", "inactive");
                }
            }
            LotEvent::Wasted(event) => {
                let Draw { lot, quantity } = &event.draw;
                self.object(&mut told, "DELETE", lot, Some(quantity.base))?;
                told.is("destroying", "destroyed");
                told.agog_reason = Some(event.reason.clone());
            }
            LotEvent::Adjusted(event) => {
                let delta = event.delta.base;
                let action = if delta.amount < Decimal::ZERO {
                    "DELETE"
                } else {
                    "ADD"
                };
                let found = Quantity::new(delta.amount.abs(), delta.unit);
                self.object(&mut told, action, &event.lot, Some(found))?;
                told.is("cycle_counting", "active");
                told.agog_reason = Some(event.reason.clone());
            }
            LotEvent::Moved(event) => {
                self.object(&mut told, "OBSERVE", &event.lot, None)?;
                told.is("storing", "in_progress");
                told.biz_location = Some(self.place(&event.to));
            }
            LotEvent::Shipped(event) => {
                let Draw { lot, quantity } = &event.draw;
                self.object(&mut told, "OBSERVE", lot, Some(quantity.base))?;
                told.is("shipping", "in_transit");
                told.epc_list = event
                    .sscc
                    .map(|sscc| self.names.container(sscc))
                    .into_iter()
                    .collect();
                // It is not here any more, and where it is the carrier knows.
                told.biz_location = None;
                told.biz_transaction_list.push(BizTransaction {
                    kind: "po",
                    biz_transaction: self.names.order(&event.order),
                });
                if let Some(reference) = &event.reference {
                    told.biz_transaction_list.push(BizTransaction {
                        kind: "desadv",
                        biz_transaction: self.names.despatch(reference),
                    });
                }
                told.destination_list.push(Destination {
                    kind: "owning_party",
                    destination: self.names.party(&event.customer),
                });
            }
            LotEvent::Held(event) => {
                self.object(&mut told, "OBSERVE", &event.lot, None)?;
                told.is("holding", "non_sellable_other");
                told.agog_reason = Some(event.reason.clone());
            }
            LotEvent::Released(event) => {
                let at = stored.envelope.occurred_at;
                let held = self
                    .reader
                    .is_held_otherwise(event.lot.lot_id, event.hold_id, at)?;
                self.object(&mut told, "OBSERVE", &event.lot, None)?;
                told.is(
                    "holding",
                    if held { "non_sellable_other" } else { "active" },
                );
                told.agog_reason = Some(event.reason.clone());
            }
            LotEvent::Returned(event) => {
                self.object(&mut told, "OBSERVE", &event.lot, Some(event.quantity.base))?;
                told.is("receiving", "returned");
                told.biz_transaction_list.push(BizTransaction {
                    kind: "po",
                    biz_transaction: self.names.order(&event.order),
                });
                if let Some(reference) = &event.reference {
                    told.biz_transaction_list.push(BizTransaction {
                        kind: "rma",
                        biz_transaction: self.names.despatch(reference),
                    });
                }
                told.source_list.push(Source {
                    kind: "owning_party",
                    source: self.names.party(&event.customer),
                });
                told.agog_reason = Some(event.reason.clone());
            }
            LotEvent::Packed(event) => {
                self.aggregation(&mut told, "ADD", event.sscc, &event.contents)?;
                told.is("packing", "in_progress");
            }
            LotEvent::Unpacked(event) => {
                self.aggregation(&mut told, "DELETE", event.sscc, &event.contents)?;
                told.is("unpacking", "in_progress");
            }
            LotEvent::Corrected(event) => return self.declared_wrong(stored, event),
        }
        Ok(vec![told])
    }

    /// What was told of an event once more, with the declaration that it was wrong (EPCIS 2.0, section 7.4.1.2); nothing
    /// for an event that this ledger does not have.
    fn declared_wrong(
        &self,
        stored: &StoredEvent,
        event: &LotCorrected,
    ) -> Result<Vec<EpcisEvent>, ExportError> {
        let Some(wrong) = self.reader.event_by_id(event.corrects)? else {
            return Ok(Vec::new());
        };
        let mut told = self.events(&wrong, event.undone())?;
        for told in &mut told {
            told.record_time = stored.envelope.recorded_at.to_string();
            told.error_declaration = Some(ErrorDeclaration {
                declaration_time: stored.envelope.occurred_at.to_string(),
                reason: "incorrect_data",
                agog_reason: event.reason.clone(),
            });
        }
        Ok(told)
    }

    /// What every event has.
    fn new_event(&self, stored: &StoredEvent) -> EpcisEvent {
        let envelope = &stored.envelope;
        let at = envelope.occurred_at.to_zoned(self.zone.clone());
        let plant = self.names.plant();
        EpcisEvent {
            event_id: urn(envelope.event_id),
            event_time: envelope.occurred_at.to_string(),
            event_time_zone_offset: at.strftime("%:z").to_string(),
            record_time: envelope.recorded_at.to_string(),
            read_point: Id { id: plant.clone() },
            biz_location: Some(Id { id: plant }),
            agog_kind: envelope.kind.clone(),
            agog_sequence: format!("{}/{}", stored.epoch, envelope.seq),
            ..EpcisEvent::default()
        }
    }

    fn object(
        &self,
        told: &mut EpcisEvent,
        action: &'static str,
        lot: &LotRef,
        quantity: Option<Quantity>,
    ) -> Result<(), ExportError> {
        told.kind = OBJECT;
        told.action = Some(action);
        told.quantity_list = vec![self.element(lot, quantity)?];
        Ok(())
    }

    fn aggregation(
        &self,
        told: &mut EpcisEvent,
        action: &'static str,
        sscc: Sscc,
        contents: &[Draw],
    ) -> Result<(), ExportError> {
        told.kind = AGGREGATION;
        told.action = Some(action);
        told.parent_id = Some(self.names.container(sscc));
        told.child_quantity_list = self.draws(contents)?;
        Ok(())
    }

    fn draws(&self, draws: &[Draw]) -> Result<Vec<QuantityElement>, ExportError> {
        draws.iter().map(|draw| self.draw(draw)).collect()
    }

    fn draw(&self, draw: &Draw) -> Result<QuantityElement, ExportError> {
        self.element(&draw.lot, Some(draw.quantity.base))
    }

    fn element(
        &self,
        lot: &LotRef,
        quantity: Option<Quantity>,
    ) -> Result<QuantityElement, ExportError> {
        let number = quantity.map(|quantity| quantity.amount.normalize().to_string());
        Ok(QuantityElement {
            epc_class: self.names.lot(lot)?,
            quantity: number.map(RawValue::from_string).transpose()?,
            uom: quantity.map(|quantity| uom(quantity.unit)),
        })
    }

    fn name_lots(&self, told: &mut EpcisEvent, event: &LotEvent) -> Result<(), ExportError> {
        for lot in event.lots() {
            told.agog_lots.push(self.lot_name(lot)?);
        }
        Ok(())
    }

    fn lot_name(&self, lot: &LotRef) -> Result<LotName, ExportError> {
        Ok(LotName {
            class: self.names.lot(lot)?,
            number: lot.number.clone(),
        })
    }

    fn place(&self, location: &str) -> Id {
        Id {
            id: self.names.location(location),
        }
    }

    fn job(&self, work: &WorkContext) -> Option<String> {
        work.job.as_ref().map(|job| self.names.job(&job.number))
    }
}

impl EpcisEvent {
    fn is(&mut self, biz_step: &'static str, disposition: &'static str) {
        self.biz_step = Some(biz_step);
        self.disposition = Some(disposition);
    }
}

fn ilmd(number: &str, material: &str, attributes: &LotAttributes) -> Ilmd {
    Ilmd {
        lot_number: number.to_owned(),
        expiry: attributes.expiry.map(|date| date.to_string()),
        supplier_lot: attributes.supplier_lot.clone(),
        material: material.to_owned(),
    }
}

const fn held_or_active(holds: &[agog_sync::ids::HoldId]) -> &'static str {
    if holds.is_empty() {
        "active"
    } else {
        "non_sellable_other"
    }
}

/// The code of UN/ECE Recommendation 20. Sheets have none of their own there: they are a number of articles.
const fn uom(unit: Unit) -> &'static str {
    match unit {
        Unit::Sheet => "NAR",
        Unit::SquareMetre => "MTK",
        Unit::Kilogram => "KGM",
        Unit::Metre => "MTR",
        Unit::Piece => "H87",
        Unit::Litre => "LTR",
    }
}

fn urn(event_id: EventId) -> String {
    format!("urn:uuid:{event_id}")
}

/// The id of a second event that tells of the same fact: always the same one.
fn derived(event_id: EventId) -> EventId {
    let hash = blake3::derive_key("agog epcis second event 1", event_id.uuid().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    EventId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
