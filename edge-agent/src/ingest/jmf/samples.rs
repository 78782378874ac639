//! The numbers inside JMF signals, as telemetry: speed and counters of Status, amounts of
//! Resource.
//!
//! The metrics begin with `jmf.`, because the same machine may publish its own `speed` over MQTT.

use agog_jdf::Usage;
use agog_jdf::jmf::{DeviceInfo, ResourceInfo, Signal, SignalContent};
use agog_sync::frame::SeriesKey;
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::telemetry::Sample;

/// The samples of one signal. `device_of` knows of which device a state or a resource is that names one, where that is
/// not the one that tells it.
pub(super) fn samples(
    device: &str,
    device_of: impl Fn(Option<&str>) -> String,
    signal: &Signal,
    at: Timestamp,
) -> Vec<Sample> {
    let mut found = Found {
        device: device.to_owned(),
        at,
        samples: Vec::new(),
    };
    match &signal.content {
        SignalContent::Status { devices, .. } => {
            for info in devices {
                found.device = device_of(info.id());
                found.status(info);
            }
        }
        SignalContent::Resource { resources, .. } => {
            for resource in resources {
                found.device = device_of(resource.device_id.as_deref());
                found.resource(resource);
            }
        }
        _ => {}
    }
    found.samples
}

struct Found {
    device: String,
    at: Timestamp,
    samples: Vec<Sample>,
}

impl Found {
    fn status(&mut self, info: &DeviceInfo) {
        let unit = info.counter_unit.as_deref();
        let per_hour = format!("{}/h", unit.unwrap_or("sheet"));
        self.push("jmf.speed", Some(&per_hour), info.speed);
        self.push("jmf.production_counter", unit, info.production_counter);
        self.push(
            "jmf.total_production_counter",
            unit,
            info.total_production_counter,
        );
        for phase in &info.job_phases {
            self.push("jmf.job.good", unit, phase.amount);
            self.push("jmf.job.waste", unit, phase.waste);
            self.push(
                "jmf.job.percent_completed",
                Some("%"),
                phase.percent_completed,
            );
        }
    }

    fn resource(&mut self, told: &ResourceInfo) {
        let unit = told.unit.as_deref();
        let name = told.resource_name.as_deref().unwrap_or("resource");
        let side = match told.usage {
            Some(Usage::Input) => Some("input"),
            Some(Usage::Output) => Some("output"),
            _ => None,
        };
        if let Some(side) = side {
            let metric = |part: &str| format!("jmf.{side}.{name}.{part}");
            self.push(&metric("good"), unit, told.amounts.actual_good());
            self.push(&metric("waste"), unit, told.amounts.actual_waste());
        }
        // A press has the same kind of ink in several units.
        let place = told.module_id.as_deref();
        let place = place.map_or_else(String::new, |module| format!(".{module}"));
        let metric = |part: &str| format!("jmf.resource.{name}{place}.{part}");
        self.push(&metric("available"), unit, told.available_amount);
        if side == Some("input") {
            self.push(&metric("used"), unit, told.amounts.actual_total());
        }
    }

    fn push(&mut self, metric: &str, unit: Option<&str>, value: Option<Decimal>) {
        let Some(value) = value
            .and_then(|value| value.to_f64())
            .filter(|value| value.is_finite())
        else {
            return;
        };
        self.samples.push(Sample {
            series: SeriesKey {
                device: self.device.clone(),
                metric: metric.to_owned(),
                unit: unit.map(str::to_owned),
            },
            at: self.at,
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use agog_jdf::Limits;
    use agog_jdf::jmf::{Body, Jmf};

    use super::*;

    #[test]
    fn the_values_of_each_device_in_a_signal_are_its_own() {
        let xml = "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"line\" TimeStamp=\"2026-01-05T10:00:00Z\" \
             Version=\"1.5\"><Signal ID=\"S\" Type=\"Status\"><DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\" \
             Speed=\"9000\"/><DeviceInfo DeviceID=\"press-4\" DeviceStatus=\"Running\" Speed=\"7000\"/></Signal></JMF>";
        let jmf = Jmf::parse(xml.as_bytes(), &Limits::default()).unwrap().jmf;
        let Body::Signal(signal) = &jmf.messages[0].body else {
            panic!("not a signal");
        };
        let device_of = |named: Option<&str>| named.unwrap_or("line").to_owned();

        let samples = samples("line", device_of, signal, Timestamp::UNIX_EPOCH);

        let told: Vec<_> = samples
            .iter()
            .map(|sample| (sample.series.device.as_str(), sample.value.to_string()))
            .collect();
        let expected = [
            ("press-3", "9000".to_owned()),
            ("press-4", "7000".to_owned()),
        ];
        assert_eq!(told, expected);
    }
}
