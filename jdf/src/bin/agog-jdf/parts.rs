//! `agog-jdf parts`: every leaf of a partitioned resource with what holds for it.

use std::path::Path;
use std::process::ExitCode;

use agog_jdf::Ticket;
use agog_jdf::resource::Origin;
use anyhow::{Context as _, Result};

use crate::output::Output;

pub(crate) fn run(file: &Path, id: &str, output: &mut Output) -> Result<ExitCode> {
    let document = crate::document(file)?;
    let ticket = Ticket::of(&document)?;
    let resource = ticket
        .resource(id)
        .with_context(|| format!("no element of `{}` has the ID `{id}`", file.display()))?;
    for leaf in resource.leaves_with_keys() {
        if output.is_closed() {
            break;
        }
        let keys: Vec<String> = leaf
            .keys
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let keys = if keys.is_empty() {
            "(the whole resource)".to_owned()
        } else {
            keys.join(" ")
        };
        output.line(format_args!("{} {keys}", resource.name()));
        for attribute in leaf.resource.effective_attributes() {
            let origin = match attribute.origin {
                Origin::Own => String::new(),
                Origin::Inherited(from) => format!("  from {}", from.element().path()),
                Origin::Identical(with) => format!("  identical with {}", with.element().path()),
            };
            output.line(format_args!(
                "    {}=\"{}\"{origin}",
                attribute.name, attribute.value
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}
