//! Telemetry on disk and on the wire: every sample comes back as it was, and no bytes do harm.

use agog_sync::frame::{BLOCK_SAMPLES_MAX, PROTOCOL, SeriesKey, TelemetryBatch, TelemetryBlock};
use agog_sync::ids::ProducerId;
use agog_sync::telemetry::batch::{
    self, BATCH_BLOCKS_MAX, BATCH_BODIES_MAX, BATCH_BYTES_MAX, BatchError, Header,
};
use agog_sync::telemetry::{BLOCK_BYTES_MAX, BodyError, VERSION, decode, encode};
use proptest::collection::vec;
use proptest::prelude::*;

fn key(device: &str, metric: &str, unit: Option<&str>) -> SeriesKey {
    SeriesKey {
        device: device.to_owned(),
        metric: metric.to_owned(),
        unit: unit.map(str::to_owned),
    }
}

/// A block as a body tells it: sample by sample of one series after the other.
fn grouped(block: &TelemetryBlock) -> TelemetryBlock {
    let mut order: Vec<usize> = (0..block.value.len()).collect();
    order.sort_by_key(|n| block.series_index[*n]);
    let of = |n: &usize| *n;
    TelemetryBlock {
        block: block.block,
        series: block.series.clone(),
        series_index: order
            .iter()
            .map(of)
            .map(|n| block.series_index[n])
            .collect(),
        time_us: order.iter().map(of).map(|n| block.time_us[n]).collect(),
        value: order.iter().map(of).map(|n| block.value[n]).collect(),
    }
}

/// The bits count: one NaN is not another.
fn assert_same(left: &TelemetryBlock, right: &TelemetryBlock) {
    let bits = |block: &TelemetryBlock| -> Vec<u64> {
        block.value.iter().map(|value| value.to_bits()).collect()
    };
    assert_eq!(
        (left.block, &left.series, &left.series_index, &left.time_us),
        (
            right.block,
            &right.series,
            &right.series_index,
            &right.time_us
        )
    );
    assert_eq!(bits(left), bits(right));
}

fn value() -> impl Strategy<Value = f64> {
    let decimal = (-1_000_000_i32..1_000_000, 0_i32..4)
        .prop_map(|(integer, places)| f64::from(integer) / 10_f64.powi(places));
    prop_oneof![
        4 => decimal,
        // Any bits at all: NaN of every kind, infinities, both zeros.
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(-0.0),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => (0_i64..20).prop_map(|n| 1_760_000_000_000_000 + n * 1_000),
        1 => (0_i64..3).prop_map(|n| 1_760_000_000_000_000 + n * 1_000_000),
        1 => any::<i64>(),
    ]
}

/// Times twice and in any order, series without samples, names of any text.
fn block() -> impl Strategy<Value = TelemetryBlock> {
    let unit = proptest::option::of(".{0,4}");
    let series = vec((".{0,8}", ".{0,8}", unit), 1..6);
    let samples = vec((any::<u32>(), time(), value()), 0..60);
    (series, samples, any::<u64>()).prop_map(|(series, samples, block)| {
        let count = u32::try_from(series.len()).unwrap();
        TelemetryBlock {
            block,
            series: series
                .iter()
                .map(|(device, metric, unit)| key(device, metric, unit.as_deref()))
                .collect(),
            series_index: samples.iter().map(|(index, _, _)| index % count).collect(),
            time_us: samples.iter().map(|(_, time, _)| *time).collect(),
            value: samples.iter().map(|(_, _, value)| *value).collect(),
        }
    })
}

proptest! {
    #[test]
    fn every_sample_comes_back_bit_by_bit(block in block()) {
        let body = encode(&block).unwrap();
        assert_same(&decode(block.block, &body).unwrap(), &grouped(&block));
    }

    #[test]
    fn any_bytes_are_a_block_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(1, &bytes);
        let _ = decode(1, &packed(&bytes));
        let _ = batch::read(&bytes);
    }

    #[test]
    fn a_body_with_one_wrong_bit_is_refused(block in block(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut body = encode(&block).unwrap();
        let place = place.index(body.len());
        body[place] ^= 1 << bit;
        // Bits of the frame's header that nothing depends on may be others; no sample ever is.
        if let Ok(read) = decode(block.block, &body) {
            assert_same(&read, &grouped(&block));
        }
    }
}

/// A body of these bytes.
fn packed(plain: &[u8]) -> Vec<u8> {
    let mut body = vec![VERSION];
    body.extend(zstd::bulk::compress(plain, 1).unwrap());
    body
}

#[test]
fn metrics_of_one_message_share_their_times() {
    let metrics = ["speed", "heat", "count"].map(|metric| key("press-3", metric, None));
    let count = 500_u32;
    let times = (0..count).map(|n| i64::from(n) * 1_000_000 + i64::from(n * n % 7_919));
    let block = TelemetryBlock {
        block: 1,
        series: metrics.to_vec(),
        series_index: (0..count).flat_map(|_| 0..3).collect(),
        time_us: times.flat_map(|time| [time; 3]).collect(),
        value: (0..3 * count).map(|n| f64::from(n % 10)).collect(),
    };
    let alone = TelemetryBlock {
        series: block.series[..1].to_vec(),
        series_index: vec![0; 500],
        time_us: block.time_us.iter().step_by(3).copied().collect(),
        value: block.value.iter().step_by(3).copied().collect(),
        ..block
    };

    let (three, one) = (encode(&block).unwrap(), encode(&alone).unwrap());

    assert_same(&decode(1, &three).unwrap(), &grouped(&block));
    assert!(
        three.len() < one.len() + 120,
        "{} {}",
        three.len(),
        one.len()
    );
}

#[test]
fn what_a_body_claims_takes_no_memory() {
    let refused = |plain: &[u8]| decode(1, &packed(plain)).unwrap_err().to_string();
    // 2^63 series; one series with 16,385 samples; a name that is longer than all there is.
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert!(refused(&huge).contains("more than a block may have"));
    assert!(refused(&[1, 0, 0, 0, 0x81, 0x80, 1]).contains("more than a block may have"));
    assert!(refused(&[&[1][..], &huge].concat()).contains("ends early"));
    // As many samples as a block may have, by two series together one too many.
    let max = [0x80, 0x80, 1];
    let both = [&[2, 0, 0, 0][..], &max, &[0, 0, 0, 1]].concat();
    assert!(refused(&both).contains("more than a block may have"));
    let bomb = packed(&vec![0; BLOCK_BYTES_MAX + 1]);
    assert!(bomb.len() < 1_000);
    assert!(matches!(decode(1, &bomb), Err(BodyError::TooLarge)));
    // A window of 2 GiB.
    let window = [
        VERSION, 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00,
    ];
    assert!(matches!(decode(1, &window), Err(BodyError::Compression(_))));
}

#[test]
fn a_body_is_all_that_it_says_and_nothing_more() {
    let empty = encode(&TelemetryBlock::empty(1)).unwrap();
    let trailing = [&empty[..], &[0]].concat();
    let twice = [&empty[..], &empty[1..]].concat();
    for body in [&trailing, &twice] {
        assert!(
            decode(1, body)
                .unwrap_err()
                .to_string()
                .contains("follows its frame")
        );
    }
    assert!(
        decode(1, &packed(&[0, 0]))
            .unwrap_err()
            .to_string()
            .contains("last column")
    );
    assert!(matches!(decode(1, &[2]), Err(BodyError::Version(2))));
    assert!(matches!(decode(1, &[]), Err(BodyError::Malformed(_))));
    let misfit = TelemetryBlock {
        value: vec![1.0],
        ..TelemetryBlock::empty(1)
    };
    assert!(matches!(encode(&misfit), Err(BodyError::Malformed(_))));
}

#[test]
fn a_full_block_of_values_that_cannot_be_compressed_fits() {
    let count = u32::try_from(BLOCK_SAMPLES_MAX).unwrap();
    let noise = (1..=u64::from(count)).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let block = TelemetryBlock {
        block: 1,
        series: vec![key("press-3", "noise", None)],
        series_index: vec![0; BLOCK_SAMPLES_MAX],
        time_us: noise.clone().map(u64::cast_signed).collect(),
        value: noise.map(f64::from_bits).collect(),
    };
    let body = encode(&block).unwrap();
    assert!(body.len() < 20 * BLOCK_SAMPLES_MAX, "{}", body.len());
    assert_same(&decode(1, &body).unwrap(), &block);
}

/// A body of form 1, written down: it must be read for ever. The frame has its content as it is.
#[test]
fn a_body_is_of_the_form_that_is_described() {
    let plain = [
        // One series: device, metric, unit, number of samples.
        &[1, 7][..],
        b"press-3",
        &[5],
        b"speed",
        &[9],
        b"sheets/h",
        &[3],
        // Its own times, in seconds: 1 s after 1970, 1 s later, and 1 s more than that later.
        &[0, 2, 0x80, 0x89, 0x7a, 2, 2],
        // One decimal: 100, 15 more, the same; nothing odd.
        &[1, 0xc8, 1, 30, 0, 0],
    ]
    .concat();
    let length = u8::try_from(plain.len()).unwrap();
    let block_header = u16::from(length) << 3 | 1;
    let [low, high] = block_header.to_le_bytes();
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, length, low, high, 0];
    let body = [&[1], &frame[..], &plain].concat();
    let expected = TelemetryBlock {
        block: 7,
        series: vec![key("press-3", "speed", Some("sheets/h"))],
        series_index: vec![0; 3],
        time_us: vec![1_000_000, 2_000_000, 4_000_000],
        value: vec![10.0, 11.5, 11.5],
    };

    assert_same(&decode(7, &body).unwrap(), &expected);

    let written = encode(&expected).unwrap();
    assert_eq!(written[0], 1);
    assert_eq!(zstd::stream::decode_all(&written[1..]).unwrap(), plain);
}

const HEADER: Header = Header {
    protocol: PROTOCOL,
    producer: ProducerId::from_uuid(uuid::Uuid::from_u128(
        0x0198_c0de_0000_7000_8000_0000_0000_0001,
    )),
    epoch: 2,
    first_block: 6,
    last_block: 8,
};

fn two_samples() -> TelemetryBlock {
    TelemetryBlock {
        block: 6,
        series: vec![key("press-3", "speed", Some("sheets/h"))],
        series_index: vec![0, 0],
        time_us: vec![1, 2],
        value: vec![10.0, 11.5],
    }
}

#[test]
fn a_batch_carries_bodies_as_they_are_and_dropped_blocks_without_one() {
    let body = encode(&two_samples()).unwrap();
    let written = batch::write(&HEADER, &[body.clone(), Vec::new(), body.clone()]).unwrap();
    assert!(written.windows(body.len()).any(|part| part == body));

    let expected = TelemetryBatch {
        protocol: PROTOCOL,
        producer: HEADER.producer,
        epoch: 2,
        first_block: 6,
        last_block: 8,
        blocks: vec![
            two_samples(),
            TelemetryBlock::empty(7),
            TelemetryBlock {
                block: 8,
                ..two_samples()
            },
        ],
    };
    assert_eq!(batch::read(&written).unwrap(), expected);
}

#[test]
fn a_batch_that_is_cut_off_or_too_much_is_refused() {
    let body = encode(&two_samples()).unwrap();
    let written = batch::write(&HEADER, std::slice::from_ref(&body)).unwrap();
    for length in 0..written.len() {
        let line_ends = written.iter().position(|byte| *byte == b'\n').unwrap();
        // The header alone is a batch without blocks, which the hub's rule refuses.
        assert_eq!(
            batch::read(&written[..length]).is_ok(),
            length == line_ends + 1
        );
    }
    let many = vec![Vec::new(); BATCH_BLOCKS_MAX + 1];
    let full = vec![body; BATCH_BODIES_MAX + 1];
    for bodies in [many, full] {
        let written = batch::write(&HEADER, &bodies).unwrap();
        assert!(matches!(batch::read(&written), Err(BatchError::TooMany)));
    }
    let large = vec![b'\n'; BATCH_BYTES_MAX + 1];
    assert!(matches!(batch::read(&large), Err(BatchError::TooLarge)));
}
