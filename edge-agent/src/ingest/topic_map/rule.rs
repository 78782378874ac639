//! One rule of the topic map, made ready: which topics, how the payload is written, and what is taken from it.

use std::borrow::Cow;

use agog_sync::frame::SeriesKey;
use serde_json::Value;

use super::filter::Filter;
use super::name::{Name, checked};
use super::record::{Place, Record};
use super::time::TimeFormat;
use super::value::Reading;
use super::{BadMessage, Delivery, SAMPLES_PER_MESSAGE_MAX, Understood, csv};
use crate::config::{CsvConfig, MqttTopic};
use crate::telemetry::Sample;

/// A key of the rule, and what is wrong with it.
pub(crate) type RuleProblem = (String, String);

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) filter: Filter,
    pub(super) form: Form,
    pub(super) device: Name,
    pub(super) time: Option<(Place, TimeFormat)>,
    pub(super) fields: Fields,
}

/// How the payload is written.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// JSON, or text that is one value. With a pointer: an array of readings.
    Json { each: Option<String> },
    /// A reading per line.
    Csv(CsvConfig),
}

/// What is taken from a reading.
#[derive(Debug, Clone)]
pub(super) enum Fields {
    /// These values; those that are not there are left out, but one must be.
    Named(Vec<(Name, Place, Reading)>),
    /// Every value of the object or line, by its name there.
    All(Place, Reading),
}

/// The payload of a message, read when the first rule needs it.
pub(super) struct Payload<'a> {
    bytes: &'a [u8],
    json: Option<(Value, bool)>,
}

impl<'a> Payload<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, json: None }
    }

    /// The JSON, and whether it is that. Other text is one value, so that `running` needs no quotes.
    fn json(&mut self) -> Result<&(Value, bool), BadMessage> {
        if self.json.is_none() {
            self.json = Some(match serde_json::from_slice(self.bytes) {
                Ok(value) => (value, true),
                Err(_) => (Value::String(self.text()?.trim().to_owned()), false),
            });
        }
        self.json.as_ref().ok_or(BadMessage::NotText)
    }

    fn text(&self) -> Result<&'a str, BadMessage> {
        std::str::from_utf8(self.bytes).map_err(|_| BadMessage::NotText)
    }
}

impl Rule {
    /// Makes a rule ready, or says everything that is wrong with it.
    pub(super) fn new(topic: &MqttTopic) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut note = |key: &str, message: &str| {
            problems.push((key.to_owned(), message.to_owned()));
        };
        let is_csv = topic.csv.is_some();
        let filter = Filter::parse(&topic.filter);
        if filter.is_none() {
            let text = &topic.filter;
            note(
                "filter",
                &format!(
                    "is `{text}`; expected an MQTT topic filter such as plant/+/speed, and none of a shared subscription"
                ),
            );
        }
        let device = Name::parse(&topic.device, is_csv).map_err(|why| note("device", why));
        let form = form(topic, &mut note);
        let time = time(topic, is_csv, &mut note);
        let fields = fields(topic, is_csv, &mut note);
        match (filter, device, time, fields) {
            (Some(filter), Ok(device), Some(time), Some(fields)) if problems.is_empty() => {
                Ok(Self {
                    filter,
                    form,
                    device,
                    time,
                    fields,
                })
            }
            _ => Err(problems),
        }
    }

    /// Takes what the rule says from a message; the first thing that is wrong is noted, and the rest is taken.
    pub(super) fn apply(
        &self,
        topic: &str,
        payload: &mut Payload<'_>,
        delivery: Delivery,
        understood: &mut Understood,
    ) {
        if let Err(fault) = self.readings(topic, payload, delivery, understood) {
            understood.note(fault);
        }
    }

    fn readings(
        &self,
        topic: &str,
        payload: &mut Payload<'_>,
        delivery: Delivery,
        understood: &mut Understood,
    ) -> Result<(), BadMessage> {
        match &self.form {
            Form::Json { each } => {
                let (whole, is_json) = payload.json()?;
                let one = std::slice::from_ref(whole);
                let elements = match each {
                    None => one,
                    Some(pointer) => match whole.pointer(pointer) {
                        Some(Value::Array(elements)) => elements,
                        _ if !is_json => return Err(BadMessage::NotJson),
                        _ => return Err(BadMessage::NotAnArray(pointer.clone())),
                    },
                };
                for element in elements {
                    let record = Record::Json { element, whole };
                    match self.reading(topic, &record, delivery, understood) {
                        // The pointer is right, and what it points into is no JSON.
                        Err(BadMessage::Missing(_)) if !is_json => {
                            understood.note(BadMessage::NotJson);
                        }
                        Err(fault) => understood.note(fault),
                        Ok(()) => {}
                    }
                }
            }
            Form::Csv(how) => {
                let text = payload.text()?;
                let delimiter = how.delimiter.unwrap_or(',');
                let mut lines = text.lines().filter(|line| !line.trim().is_empty());
                let names: Vec<Cow<'_, str>> = if how.header {
                    csv::cells(lines.next().ok_or(BadMessage::Empty)?, delimiter)
                } else {
                    let columns = how.columns.iter();
                    columns.map(|name| Cow::Borrowed(name.as_str())).collect()
                };
                for line in lines {
                    let cells = csv::cells(line, delimiter);
                    let record = Record::Row {
                        names: &names,
                        cells: &cells,
                    };
                    if let Err(fault) = self.reading(topic, &record, delivery, understood) {
                        understood.note(fault);
                    }
                }
            }
        }
        Ok(())
    }

    fn reading(
        &self,
        topic: &str,
        record: &Record<'_>,
        delivery: Delivery,
        understood: &mut Understood,
    ) -> Result<(), BadMessage> {
        let at = match &self.time {
            None => delivery.arrived_at,
            Some((place, format)) => {
                let missing = || BadMessage::Missing(place.describe());
                let written = record.get(place).ok_or_else(missing)?;
                let wrong = || BadMessage::NotATime(place.describe());
                format.read(written).ok_or_else(wrong)?
            }
        };
        let device = self.device.fill(topic, record)?;
        let mut push = |metric: String, unit: Option<&String>, value: f64| {
            if understood.samples.len() > SAMPLES_PER_MESSAGE_MAX {
                return;
            }
            understood.samples.push(Sample {
                series: SeriesKey {
                    device: device.clone(),
                    metric,
                    unit: unit.cloned(),
                },
                at,
                value,
                is_historical: false,
            });
        };
        let mut fault = None;
        match &self.fields {
            Fields::Named(fields) => {
                let mut is_any_there = false;
                for (metric, place, reading) in fields {
                    let Some(scalar) = record.get(place) else {
                        continue;
                    };
                    is_any_there = true;
                    match (metric.fill(topic, record), reading.value(scalar)) {
                        (Ok(metric), Some(value)) => push(metric, reading.unit.as_ref(), value),
                        (Err(wrong), _) => fault = Some(wrong),
                        (_, None) => fault = Some(BadMessage::NotANumber(place.describe())),
                    }
                }
                if let (false, Some((_, first, _))) = (is_any_there, fields.first()) {
                    fault = Some(BadMessage::Missing(first.describe()));
                }
            }
            Fields::All(place, reading) => {
                let time = self.time.as_ref().map(|(place, _)| place);
                let fields = record.fields(place, time);
                let fields = fields.ok_or_else(|| BadMessage::NoFields(place.describe()))?;
                let takes_all = matches!(self.form, Form::Csv(_));
                for (name, scalar) in fields {
                    if !takes_all && !reading.is_value(scalar) {
                        continue;
                    }
                    match (reading.value(scalar), checked(name.to_owned())) {
                        (Some(value), Ok(metric)) => push(metric, reading.unit.as_ref(), value),
                        (None, _) => fault = Some(BadMessage::NotANumber(name.to_owned())),
                        (_, Err(wrong)) => fault = Some(wrong),
                    }
                }
            }
        }
        fault.map_or(Ok(()), Err)
    }
}

fn form(topic: &MqttTopic, note: &mut impl FnMut(&str, &str)) -> Form {
    let Some(csv) = &topic.csv else {
        if topic
            .each
            .as_ref()
            .is_some_and(|it| Place::parse(it, false).is_none())
        {
            note(
                "each",
                "must be a JSON pointer, for example /readings; empty for the payload itself",
            );
        }
        return Form::Json {
            each: topic.each.clone(),
        };
    };
    if topic.each.is_some() {
        note("each", "is for JSON; every line of CSV is a reading");
    }
    if csv.header && !csv.columns.is_empty() {
        note(
            "csv",
            "has both header and columns; the names come from one of them",
        );
    }
    if csv
        .delimiter
        .is_some_and(|it| matches!(it, '"' | '\n' | '\r'))
    {
        note("csv.delimiter", "must not be a quote or the end of a line");
    }
    if csv.decimal_comma && csv.delimiter.unwrap_or(',') == ',' {
        note("csv.delimiter", "must not be the decimal comma");
    }
    Form::Csv(csv.clone())
}

/// The inner option: no time in the payload.
#[expect(clippy::option_option, reason = "wrong, none, or one")]
fn time(
    topic: &MqttTopic,
    is_csv: bool,
    note: &mut impl FnMut(&str, &str),
) -> Option<Option<(Place, TimeFormat)>> {
    let Some(written) = &topic.time else {
        for (key, is_set) in [
            ("time_format", topic.time_format.is_some()),
            ("time_zone", topic.time_zone.is_some()),
        ] {
            if is_set {
                note(key, "needs time, which says where the time is");
                return None;
            }
        }
        return Some(None);
    };
    let place = place(written, "time", topic, is_csv, note)?;
    match TimeFormat::new(topic.time_format.as_deref(), topic.time_zone.as_deref()) {
        Ok(format) => Some(Some((place, format))),
        Err((key, message)) => {
            note(key, &message);
            None
        }
    }
}

fn fields(topic: &MqttTopic, is_csv: bool, note: &mut impl FnMut(&str, &str)) -> Option<Fields> {
    let comma = topic.csv.as_ref().is_some_and(|csv| csv.decimal_comma);
    let reading = Reading::new(
        topic.unit.as_ref(),
        topic.scale,
        topic.offset,
        &topic.values,
        comma,
    );
    let reading = reading.map_err(|(key, message)| note(key, message)).ok()?;
    if !topic.metrics.is_empty() {
        if topic.metric.is_some() || topic.value.is_some() {
            note(
                "metrics",
                "stands beside metric or value; use one or the other",
            );
            return None;
        }
        let mut named = Vec::new();
        for (index, metric) in topic.metrics.iter().enumerate() {
            let key = |name: &str| format!("metrics[{index}].{name}");
            let name = Name::parse(&metric.metric, is_csv);
            let name = name.map_err(|why| note(&key("metric"), why)).ok()?;
            let Some(written) = &metric.value else {
                note(&key("value"), "is missing");
                return None;
            };
            let place = place(written, &key("value"), topic, is_csv, note)?;
            let reading = Reading::new(
                metric.unit.as_ref().or(topic.unit.as_ref()),
                metric.scale.or(topic.scale),
                metric.offset.or(topic.offset),
                if metric.values.is_empty() {
                    &topic.values
                } else {
                    &metric.values
                },
                comma,
            );
            let reading = reading
                .map_err(|(name, message)| note(&key(name), message))
                .ok()?;
            named.push((name, place, reading));
        }
        return Some(Fields::Named(named));
    }
    let written = topic.value.as_deref();
    let place = match written {
        Some(written) => place(written, "value", topic, is_csv, note)?,
        None if is_csv => Place::Column(0),
        None => Place::Pointer(String::new()),
    };
    let Some(metric) = &topic.metric else {
        if topic
            .csv
            .as_ref()
            .is_some_and(|csv| !csv.header && csv.columns.is_empty())
        {
            note(
                "metric",
                "is missing; without it, csv needs header or columns, which name the metrics",
            );
            return None;
        }
        return Some(Fields::All(place, reading));
    };
    let metric = Name::parse(metric, is_csv).map_err(|why| note("metric", why));
    Some(Fields::Named(vec![(metric.ok()?, place, reading)]))
}

fn place(
    written: &str,
    key: &str,
    topic: &MqttTopic,
    is_csv: bool,
    note: &mut impl FnMut(&str, &str),
) -> Option<Place> {
    let Some(place) = Place::parse(written, is_csv) else {
        note(key, "must be a JSON pointer, for example /value");
        return None;
    };
    if let (Place::Named(name), Some(csv)) = (&place, &topic.csv)
        && !csv.header
        && !csv.columns.contains(name)
    {
        note(
            key,
            &format!(
                "names column `{name}`, which is not in csv.columns; set those, or header = true"
            ),
        );
        return None;
    }
    Some(place)
}
