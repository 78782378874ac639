//! What is planned for a node: whether the times can be kept in any order.

use super::{Check, detail, rules, shown};
use crate::value::parse_date_time;
use crate::view::ElementRef;

/// What must not come after what.
const IN_ORDER: [(&str, &str); 6] = [
    ("Start", "End"),
    ("FirstStart", "LastEnd"),
    ("FirstStart", "LastStart"),
    ("FirstEnd", "LastEnd"),
    ("FirstStart", "Start"),
    ("End", "LastEnd"),
];

pub(super) fn check(check: &mut Check<'_>) {
    let root = check.document.root();
    for element in root
        .descendants()
        .filter(|element| element.is_jdf("NodeInfo"))
    {
        one(element, check);
    }
}

fn one<'d>(element: ElementRef<'d>, check: &mut Check<'d>) {
    for (before, after) in IN_ORDER {
        let time = |name| element.attribute(name).and_then(parse_date_time);
        let (Some(first), Some(last)) = (time(before), time(after)) else {
            continue;
        };
        if first.timestamp > last.timestamp {
            let message = format!("`{after}` comes before `{before}`");
            let finding = check.report(rules::SCHEDULE_TIMES, element, Some(after), message);
            let text = |name| element.attribute(name).map(shown).unwrap_or_default();
            detail(finding, text(after), format!("not before {}", text(before)));
            return;
        }
    }
}
