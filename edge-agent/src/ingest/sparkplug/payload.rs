//! The payload of Sparkplug B as Protocol Buffers, as far as a host reads and writes it (field numbers: Sparkplug 3.0,
//! section 6.4.1). What is not named here (data sets, templates, files) is passed over by the decoder.
//!
//! Limits: [`BYTES_MAX`] and [`METRICS_MAX`] per message, looked at before anything is allocated for them.

use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

/// A birth with all metrics of a large line and their properties.
pub(super) const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Metrics of one message. An empty one has two bytes on the wire and a hundred times that in memory.
pub(super) const METRICS_MAX: usize = 10_000;
/// The field of [`Payload::metrics`].
const METRICS_TAG: u32 = 2;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    /// Milliseconds since 1970, when it was sent.
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(super) is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(super) properties: Option<PropertySet>,
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15")]
    pub(super) value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Value {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<PropertyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertyValue {
    #[prost(string, optional, tag = "8")]
    pub(super) text: Option<String>,
}

/// Why a payload is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("payload of {0} bytes is larger than {BYTES_MAX}")]
    TooLarge(usize),
    #[error("more than {METRICS_MAX} metrics in one message")]
    TooMany,
    #[error("payload is no Sparkplug B")]
    Form,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Payload, PayloadError> {
    if bytes.len() > BYTES_MAX {
        return Err(PayloadError::TooLarge(bytes.len()));
    }
    let mut rest = bytes;
    let mut metrics = 0;
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest).map_err(|_| PayloadError::Form)?;
        metrics += usize::from(tag == METRICS_TAG);
        if metrics > METRICS_MAX {
            return Err(PayloadError::TooMany);
        }
        skip_field(wire, tag, &mut rest, DecodeContext::default())
            .map_err(|_| PayloadError::Form)?;
    }
    Payload::decode(bytes).map_err(|_| PayloadError::Form)
}

/// What a value is as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Read {
    Number(f64),
    /// Text, a time, a data set: nothing for a series.
    NoNumber,
}

// The data types of Sparkplug (6.4.16) that need care.
const INT8: u32 = 1;
const INT16: u32 = 2;
const INT32: u32 = 3;
const INT64: u32 = 4;
const STRING: u32 = 12;
const DATE_TIME: u32 = 13;
const OTHERS: std::ops::RangeInclusive<u32> = 14..=u32::MAX;

/// Reads a value of a data type. Signed numbers are in unsigned fields, and implementations differ in which of the two widths they
/// use and how far they extend the sign; the data type decides.
pub(super) fn number(datatype: u32, value: Option<&Value>) -> Read {
    if matches!(datatype, STRING | DATE_TIME) || OTHERS.contains(&datatype) {
        return Read::NoNumber;
    }
    let number = match value {
        Some(Value::Int(raw)) => integer(datatype, u64::from(*raw)),
        Some(Value::Long(raw)) => integer(datatype, *raw),
        // The shortest decimal that reads back as the same float is what the machine meant: 41.3, not 41.29999923706055.
        Some(Value::Float(float)) => float.to_string().parse().unwrap_or(f64::from(*float)),
        Some(Value::Double(double)) => *double,
        Some(Value::Boolean(flag)) => f64::from(u8::from(*flag)),
        Some(Value::Text(_)) | None => return Read::NoNumber,
    };
    if number.is_finite() {
        Read::Number(number)
    } else {
        Read::NoNumber
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the data type says how many bits count"
)]
#[expect(clippy::cast_precision_loss, reason = "a series holds floats")]
const fn integer(datatype: u32, raw: u64) -> f64 {
    match datatype {
        INT8 => (raw as u8).cast_signed() as f64,
        INT16 => (raw as u16).cast_signed() as f64,
        INT32 => (raw as u32).cast_signed() as f64,
        INT64 => raw.cast_signed() as f64,
        _ => raw as f64,
    }
}

impl Metric {
    /// The unit that its properties name, as Ignition and others write it.
    pub(super) fn unit(&self) -> Option<&str> {
        let properties = self.properties.as_ref()?;
        let at = properties
            .keys
            .iter()
            .position(|key| matches!(key.as_str(), "engUnit" | "unit" | "Engineering Units"))?;
        let unit = properties.values.get(at)?.text.as_deref()?.trim();
        (!unit.is_empty() && unit.chars().count() <= 100).then_some(unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signed_and_unsigned_numbers_are_read_by_their_data_type_in_either_width() {
        let read = |datatype, value| number(datatype, Some(&value));
        assert_eq!(read(INT8, Value::Int(0xff)), Read::Number(-1.0));
        assert_eq!(read(INT8, Value::Int(0xffff_ffff)), Read::Number(-1.0));
        assert_eq!(read(INT16, Value::Int(0xfffe)), Read::Number(-2.0));
        assert_eq!(read(INT32, Value::Int(0xffff_fffd)), Read::Number(-3.0));
        assert_eq!(read(INT32, Value::Long(u64::MAX)), Read::Number(-1.0));
        assert_eq!(read(INT64, Value::Long(u64::MAX)), Read::Number(-1.0));
        assert_eq!(read(5, Value::Int(255)), Read::Number(255.0));
        assert_eq!(
            read(7, Value::Long(4_294_967_295)),
            Read::Number(4_294_967_295.0)
        );
        assert_eq!(read(9, Value::Float(41.3)), Read::Number(41.3));
        assert_eq!(read(11, Value::Boolean(true)), Read::Number(1.0));
    }

    #[test]
    fn text_times_and_what_is_not_finite_are_no_numbers() {
        assert_eq!(
            number(STRING, Some(&Value::Text("1".to_owned()))),
            Read::NoNumber
        );
        assert_eq!(number(DATE_TIME, Some(&Value::Long(1))), Read::NoNumber);
        assert_eq!(number(10, Some(&Value::Double(f64::NAN))), Read::NoNumber);
        assert_eq!(number(16, None), Read::NoNumber);
    }

    #[test]
    fn a_message_with_more_metrics_than_anybody_has_is_refused_before_it_takes_memory() {
        let many = [0x12, 0].repeat(METRICS_MAX + 1);
        assert_eq!(decode(&many), Err(PayloadError::TooMany));
        let large = vec![0; BYTES_MAX + 1];
        assert_eq!(decode(&large), Err(PayloadError::TooLarge(BYTES_MAX + 1)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(payload) = decode(&bytes) {
                for metric in &payload.metrics {
                    number(metric.datatype.unwrap_or_default(), metric.value.as_ref());
                    metric.unit();
                }
            }
        }
    }
}
