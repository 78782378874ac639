//! Lines of counters → numbers. Pure. A rule takes the lines that begin with its prefix; a line that no rule takes is bad.

use std::collections::BTreeMap;

use super::understand::BadLine;
use crate::config::CounterConfig;
use crate::ingest::topic_map::{NAME_CHARS_MAX, Reading, Scalar, csv_cells};

/// A rule that is ready.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) metric: String,
    pub(super) unit: Option<String>,
    prefix: Option<String>,
    column: Option<usize>,
    delimiter: char,
    reading: Reading,
}

/// Everything that is wrong with a rule: keys, and what would be right.
pub(crate) fn problems(config: &CounterConfig) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let name_chars = config.metric.chars().count();
    if config.metric.trim().is_empty() || name_chars > NAME_CHARS_MAX {
        found.push(("metric", "must have 1 to 100 characters"));
    }
    if config.prefix.as_deref() == Some("") {
        found.push(("prefix", "must not be empty; leave it out"));
    }
    if config.delimiter.is_some() && config.column.is_none() {
        found.push(("delimiter", "needs column, which says where the number is"));
    }
    if config.decimal_comma && config.column.is_some() && delimiter(config) == ',' {
        found.push(("delimiter", "must not be the decimal comma"));
    }
    found.extend(reading(config).err());
    found
}

/// Whether a line can give both rules a number of the same series. It would have one time, and the numbers could not be told apart.
pub(crate) fn repeats(one: &CounterConfig, other: &CounterConfig) -> bool {
    let prefix = |it: &CounterConfig| it.prefix.clone().unwrap_or_default();
    let (a, b) = (prefix(one), prefix(other));
    let is_same_series = one.metric == other.metric && one.unit == other.unit;
    is_same_series && (a.starts_with(&b) || b.starts_with(&a))
}

impl Rule {
    pub(super) fn new(config: &CounterConfig) -> Result<Self, BadLine> {
        Ok(Self {
            metric: config.metric.clone(),
            unit: config.unit.clone(),
            prefix: config.prefix.clone(),
            column: config.column,
            delimiter: delimiter(config),
            reading: reading(config).map_err(|(_, why)| BadLine::Rule(why))?,
        })
    }

    /// Whether a line that lacks its beginning could be taken for a whole one.
    pub(super) const fn takes_any_beginning(&self) -> bool {
        self.prefix.is_none()
    }

    /// The number in a line; none when the line is not for this rule.
    pub(super) fn read(&self, line: &str) -> Option<Result<f64, BadLine>> {
        let rest = match &self.prefix {
            Some(prefix) => line.trim_start().strip_prefix(prefix.as_str())?,
            None => line,
        };
        let missing = |column| BadLine::NoColumn(column);
        let number = match self.column {
            None => Ok(rest.trim().to_owned()),
            Some(column) => csv_cells(rest, self.delimiter)
                .get(column)
                .map(|cell| cell.trim().to_owned())
                .ok_or_else(|| missing(column)),
        };
        Some(number.and_then(|text| {
            let value = self.reading.value(Scalar::Text(&text));
            value.ok_or(BadLine::NotANumber(text))
        }))
    }
}

fn delimiter(config: &CounterConfig) -> char {
    config.delimiter.unwrap_or(',')
}

fn reading(config: &CounterConfig) -> Result<Reading, (&'static str, &'static str)> {
    Reading::new(
        config.unit.as_ref(),
        config.scale,
        None,
        &BTreeMap::new(),
        config.decimal_comma,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut CounterConfig)) -> CounterConfig {
        let mut config = CounterConfig {
            metric: "good".to_owned(),
            prefix: None,
            column: None,
            delimiter: None,
            decimal_comma: false,
            unit: None,
            scale: None,
        };
        change(&mut config);
        assert_eq!(problems(&config), []);
        config
    }

    fn rule(change: impl FnOnce(&mut CounterConfig)) -> Rule {
        Rule::new(&config(change)).unwrap()
    }

    #[test]
    fn rules_of_one_series_repeat_each_other_when_one_line_can_be_for_both() {
        let behind = |prefix: &str| config(|it| it.prefix = Some(prefix.to_owned()));
        assert!(repeats(&behind("C"), &config(|it| it.column = Some(1))));
        assert!(repeats(&behind("C1="), &behind("C")));
        assert!(!repeats(&behind("C1="), &behind("C2=")));
        let bad = config(|it| it.metric = "bad".to_owned());
        assert!(!repeats(&behind("C"), &bad));
    }

    #[test]
    fn a_number_is_the_line_what_follows_a_prefix_or_a_column() {
        let plain = rule(|_| {});
        assert_eq!(plain.read(" 1234 "), Some(Ok(1_234.0)));
        assert_eq!(
            plain.read("12a"),
            Some(Err(BadLine::NotANumber("12a".to_owned())))
        );
        let prefix = rule(|it| it.prefix = Some("CNT=".to_owned()));
        assert_eq!(prefix.read("CNT= 12"), Some(Ok(12.0)));
        assert_eq!(prefix.read("=12"), None);
        let column = rule(|it| {
            it.column = Some(1);
            it.delimiter = Some(';');
            it.decimal_comma = true;
            it.scale = Some(0.1);
        });
        assert_eq!(column.read("a;12,5;9"), Some(Ok(1.25)));
        assert_eq!(column.read("a"), Some(Err(BadLine::NoColumn(1))));
    }
}
