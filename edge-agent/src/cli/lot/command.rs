//! Arguments into commands, and commands into requests.

use agog_sync::quantity::Unit;
use anyhow::bail;
use rust_decimal::Decimal;
use serde_json::Value;

use super::arguments::{Common, LotArguments, Work, figures};
use super::parse;
use crate::ledger::LotCommand;
use crate::ledger::command::{
    Adjust, Amount, Consume, Correct, Details, Hold, Merge, Move, Pack, Part, Produce, Receive,
    Release, Return, Ship, Source, Split, Unpack, Waste,
};

/// The command that the arguments mean, and the key that was given for it.
pub(super) fn command(arguments: LotArguments) -> anyhow::Result<(LotCommand, Option<String>)> {
    Ok(match arguments {
        LotArguments::Receive(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Receive(Receive {
                number: given.number,
                material: given.material,
                quantity: amount(given.quantity, given.unit),
                supplier: given.supplier,
                supplier_lot: given.supplier_lot,
                expiry: given.expiry,
                location: given.location,
                quality: figures(given.quality),
                details,
            });
            (command, key)
        }
        LotArguments::Split(given) => {
            let (details, key) = details(given.common, None);
            let parts = |parts: Vec<parse::Part>| {
                parts
                    .into_iter()
                    .map(|part| Part {
                        number: part.number,
                        quantity: amount(part.quantity, given.unit),
                    })
                    .collect()
            };
            let command = LotCommand::Split(Split {
                lot: given.lot,
                into: parts(given.into),
                waste: parts(given.waste),
                details,
            });
            (command, key)
        }
        LotArguments::Merge(given) => {
            let (details, key) = details(given.common, None);
            let from = sources(given.from, given.unit);
            (
                LotCommand::Merge(Merge {
                    from,
                    number: given.number,
                    details,
                }),
                key,
            )
        }
        LotArguments::Consume(given) => {
            let (details, key) = details(given.common, Some(given.work));
            let quantity = amount(given.quantity, given.unit);
            (
                LotCommand::Consume(Consume {
                    lot: given.lot,
                    quantity,
                    details,
                }),
                key,
            )
        }
        LotArguments::Produce(given) => {
            let (details, key) = details(given.common, Some(given.work));
            let command = LotCommand::Produce(Produce {
                number: given.number,
                material: given.material,
                quantity: amount(given.quantity, given.unit),
                from: sources(given.from, None),
                location: given.location,
                quality: figures(given.quality),
                details,
            });
            (command, key)
        }
        LotArguments::Waste(given) => {
            let (details, key) = details(given.common, Some(given.work));
            let quantity = amount(given.quantity, given.unit);
            let command = LotCommand::Waste(Waste {
                lot: given.lot,
                quantity,
                reason: given.reason,
                details,
            });
            (command, key)
        }
        LotArguments::Move(given) => {
            let (details, key) = details(given.common, None);
            (
                LotCommand::Move(Move {
                    lot: given.lot,
                    to: given.to,
                    details,
                }),
                key,
            )
        }
        LotArguments::Adjust(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Adjust(Adjust {
                lot: given.lot,
                by: given.by.map(|by| amount(by, given.unit)),
                to: given.to.map(|to| amount(to, given.unit)),
                reason: given.reason,
                details,
            });
            (command, key)
        }
        LotArguments::Hold(given) => {
            let (details, key) = details(given.common, None);
            (
                LotCommand::Hold(Hold {
                    lot: given.lot,
                    reason: given.reason,
                    details,
                }),
                key,
            )
        }
        LotArguments::Release(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Release(Release {
                lot: given.lot,
                hold_id: given.hold,
                reason: given.reason,
                details,
            });
            (command, key)
        }
        LotArguments::Ship(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Ship(Ship {
                lot: given.lot,
                sscc: given.sscc,
                quantity: given.quantity.map(|quantity| amount(quantity, given.unit)),
                order: given.order,
                customer: given.customer,
                reference: given.reference,
                details,
            });
            (command, key)
        }
        LotArguments::Pack(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Pack(Pack {
                sscc: given.sscc,
                contents: sources(given.contents, given.unit),
                add: given.add,
                details,
                made_from: None,
            });
            (command, key)
        }
        LotArguments::Unpack(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Unpack(Unpack {
                sscc: given.sscc,
                contents: sources(given.contents, given.unit),
                details,
            });
            (command, key)
        }
        LotArguments::Return(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Return(Return {
                lot: given.lot,
                quantity: amount(given.quantity, given.unit),
                order: given.order,
                customer: given.customer,
                reason: given.reason,
                reference: given.reference,
                hold: !given.no_hold,
                details,
            });
            (command, key)
        }
        LotArguments::Correct(given) => {
            let (details, key) = details(given.common, None);
            let command = LotCommand::Correct(Correct {
                event_id: given.event,
                reason: given.reason,
                details,
            });
            (command, key)
        }
        LotArguments::Trace(_)
        | LotArguments::List(_)
        | LotArguments::Container { .. }
        | LotArguments::Show { .. } => {
            bail!("this command only reads")
        }
    })
}

/// The last segment of the path, and the body.
pub(super) fn request(command: &LotCommand) -> anyhow::Result<(&'static str, Value)> {
    Ok(match command {
        LotCommand::Receive(body) => ("receive", serde_json::to_value(body)?),
        LotCommand::Split(body) => ("split", serde_json::to_value(body)?),
        LotCommand::Merge(body) => ("merge", serde_json::to_value(body)?),
        LotCommand::Consume(body) => ("consume", serde_json::to_value(body)?),
        LotCommand::Produce(body) => ("produce", serde_json::to_value(body)?),
        LotCommand::Waste(body) => ("waste", serde_json::to_value(body)?),
        LotCommand::Move(body) => ("move", serde_json::to_value(body)?),
        LotCommand::Adjust(body) => ("adjust", serde_json::to_value(body)?),
        LotCommand::Hold(body) => ("hold", serde_json::to_value(body)?),
        LotCommand::Release(body) => ("release", serde_json::to_value(body)?),
        LotCommand::Ship(body) => ("ship", serde_json::to_value(body)?),
        LotCommand::Correct(body) => ("correct", serde_json::to_value(body)?),
        LotCommand::Return(body) => ("return", serde_json::to_value(body)?),
        LotCommand::Pack(body) => ("pack", serde_json::to_value(body)?),
        LotCommand::Unpack(body) => ("unpack", serde_json::to_value(body)?),
    })
}

fn details(common: Common, work: Option<Work>) -> (Details, Option<String>) {
    let (job, order, customer) = work.map_or((None, None, None), |work| {
        (work.job, work.order, work.customer)
    });
    let details = Details {
        occurred_at: common.at,
        operator: common.operator,
        device: common.device,
        job,
        job_id: None,
        order,
        customer,
        forced: common.force,
    };
    (details, common.key)
}

const fn amount(amount: Decimal, unit: Option<Unit>) -> Amount {
    Amount { amount, unit }
}

fn sources(sources: Vec<parse::Source>, unit: Option<Unit>) -> Vec<Source> {
    sources
        .into_iter()
        .map(|source| Source {
            lot: source.lot,
            quantity: source.quantity.map(|quantity| amount(quantity, unit)),
        })
        .collect()
}
