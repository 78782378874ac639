//! Packing, unpacking and shipping: what is put into containers, taken out of them, and leaves.

use agog_sync::lots::{Draw, LotEvent, LotPacked, LotShipped, LotState, LotUnpacked};
use agog_sync::quantity::{Measured, Quantity};
use agog_sync::sscc::Sscc;
use rusqlite::Connection;
use rust_decimal::Decimal;

use super::{Resolved, Run, forced};
use crate::ledger::command::{Amount, LotCommand, Pack, Ship, Source, Unpack};
use crate::ledger::containers;
use crate::ledger::error::Refused;

/// Digits of an SSCC before its check digit.
const SSCC_BODY_DIGITS: usize = 17;

/// The commands that a command is made of: a container that is shipped leaves with each lot that is in it.
pub(in crate::ledger) fn parts(
    connection: &Connection,
    command: LotCommand,
) -> Resolved<Vec<LotCommand>> {
    let LotCommand::Ship(ship) = &command else {
        return Ok(vec![command]);
    };
    let (Some(sscc), None) = (ship.sscc, &ship.lot) else {
        return Ok(vec![command]);
    };
    if ship.quantity.is_some() {
        return Err(Refused::Incomplete("a quantity needs a lot to be of").into());
    }
    let contents = containers::contents(connection, sscc)?;
    if contents.is_empty() {
        return Err(Refused::EmptyContainer(sscc).into());
    }
    Ok(contents
        .into_iter()
        .map(|content| {
            LotCommand::Ship(Ship {
                lot: Some(content.lot.lot_id.to_string()),
                ..ship.clone()
            })
        })
        .collect())
}

impl Run<'_> {
    pub(super) fn ship(&self, command: &Ship) -> Resolved<LotEvent> {
        if command.order.trim().is_empty() || command.customer.trim().is_empty() {
            return Err(Refused::Incomplete("a shipment needs an order and a customer").into());
        }
        let Some(lot) = &command.lot else {
            return Err(Refused::Incomplete("a shipment needs a lot or a container").into());
        };
        let lot = self.lot(lot)?;
        let draw = match command.sscc {
            Some(sscc) => self.draw_from(&lot, sscc, command.quantity)?,
            None => self.draw_or_all(&lot, command.quantity)?,
        };
        Ok(LotEvent::Shipped(LotShipped {
            draw,
            order: command.order.clone(),
            customer: command.customer.clone(),
            reference: command.reference.clone(),
            sscc: command.sscc,
            forced: forced(&command.details),
        }))
    }

    pub(super) fn pack(&mut self, command: &Pack) -> Resolved<LotEvent> {
        let mut contents = Vec::new();
        for Source { lot, quantity } in &command.contents {
            let lot = self.lot(lot)?;
            contents.push(match quantity {
                Some(quantity) => self.draw(&lot, *quantity)?,
                None => whole(&lot, lot.balance - lot.packed_sum()),
            });
        }
        let sscc = match (command.sscc, &command.made_from) {
            (Some(sscc), _) => sscc,
            (None, Some(prefix)) => self.new_sscc(prefix)?,
            (None, None) => {
                return Err(Refused::Incomplete(
                    "packing needs the SSCC of the container, or `epcis.sscc_prefix` to make one",
                )
                .into());
            }
        };
        Ok(LotEvent::Packed(LotPacked {
            sscc,
            contents,
            added: command.add,
            forced: forced(&command.details),
        }))
    }

    pub(super) fn unpack(&self, command: &Unpack) -> Resolved<LotEvent> {
        let mut contents = Vec::new();
        for Source { lot, quantity } in &command.contents {
            let lot = self.lot(lot)?;
            contents.push(self.draw_from(&lot, command.sscc, *quantity)?);
        }
        if contents.is_empty() {
            let all = containers::contents(self.connection, command.sscc)?;
            contents.extend(all.into_iter().map(|content| Draw {
                lot: content.lot,
                quantity: Measured::in_base(content.quantity),
            }));
        }
        if contents.is_empty() {
            return Err(Refused::EmptyContainer(command.sscc).into());
        }
        Ok(LotEvent::Unpacked(LotUnpacked {
            sscc: command.sscc,
            contents,
            forced: forced(&command.details),
        }))
    }

    /// What is in a container of a lot, or so much of it.
    fn draw_from(&self, lot: &LotState, sscc: Sscc, amount: Option<Amount>) -> Resolved<Draw> {
        if let Some(amount) = amount {
            return self.draw(lot, amount);
        }
        let packed = lot.packed.get(&sscc).copied().unwrap_or_default();
        Ok(whole(lot, packed))
    }

    /// The next SSCC of a series that nobody has used here.
    fn new_sscc(&self, prefix: &str) -> Resolved<Sscc> {
        let digits = SSCC_BODY_DIGITS.saturating_sub(prefix.len());
        let series = format!("SSCC-{prefix}");
        let mut used = self
            .connection
            .prepare_cached("select 1 from container_entry where sscc = ?1")?;
        for n in self.newest_of(&series)?.saturating_add(1).. {
            let Some(sscc) = Sscc::with_check_digit(&format!("{prefix}{n:0digits$}")) else {
                break;
            };
            if !used.exists([sscc.to_string()])? {
                self.keep_newest(&series, n)?;
                return Ok(sscc);
            }
        }
        Err(Refused::NoSsccLeft(prefix.to_owned()).into())
    }
}

fn whole(lot: &LotState, amount: Decimal) -> Draw {
    Draw {
        lot: lot.lot.clone(),
        quantity: Measured::in_base(Quantity::new(amount, lot.base_unit)),
    }
}
