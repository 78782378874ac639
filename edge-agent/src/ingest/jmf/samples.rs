//! The numbers inside JMF signals, as telemetry: speed and counters of Status, amounts of
//! Resource.
//!
//! The metrics begin with `jmf.`, because the same machine may publish its own `speed` over MQTT.
//!
//! Those that the hub looks for by name are in [`agog_sync::telemetry::metric`].
//!
//! A device may work at several jobs at once. A series has one value at a time, so what it has made of them is their sum.

use agog_jdf::Usage;
use agog_jdf::jmf::{DeviceInfo, JobPhase, ResourceInfo, Signal, SignalContent};
use agog_sync::frame::SeriesKey;
use agog_sync::telemetry::metric;
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
        let per_hour = unit.map(|unit| format!("{unit}/h"));
        self.push("jmf.speed", per_hour.as_deref(), info.speed);
        self.push(metric::PRODUCTION_COUNTER, unit, info.production_counter);
        self.push(
            "jmf.total_production_counter",
            unit,
            info.total_production_counter,
        );
        let told = |of: fn(&JobPhase) -> Option<Decimal>| info.job_phases.iter().filter_map(of);
        self.push("jmf.job.good", unit, sum(told(|phase| phase.amount)));
        self.push(metric::JOB_WASTE, unit, sum(told(|phase| phase.waste)));
        // There is no percentage of several jobs.
        let mut percent = told(|phase| phase.percent_completed);
        if let (Some(percent), None) = (percent.next(), percent.next()) {
            self.push("jmf.job.percent_completed", Some("%"), Some(percent));
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
            is_historical: false,
        });
    }
}

/// The sum of what is told; none when nothing is, or when it is beyond all that a machine makes.
fn sum(mut told: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    let first = told.next()?;
    told.try_fold(first, Decimal::checked_add)
}

#[cfg(test)]
mod tests {
    use agog_jdf::Limits;
    use agog_jdf::jmf::{Body, Jmf};

    use super::*;

    /// What a Status signal with these elements gives, as `device metric unit value`.
    fn told(devices: &str) -> Vec<String> {
        let xml = format!(
            "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"line\" TimeStamp=\"2026-01-05T10:00:00Z\" \
             Version=\"1.5\"><Signal ID=\"S\" Type=\"Status\">{devices}</Signal></JMF>"
        );
        let jmf = Jmf::parse(xml.as_bytes(), &Limits::default()).unwrap().jmf;
        let Body::Signal(signal) = &jmf.messages[0].body else {
            panic!("not a signal");
        };
        let device_of = |named: Option<&str>| named.unwrap_or("line").to_owned();
        samples("line", device_of, signal, Timestamp::UNIX_EPOCH)
            .iter()
            .map(|sample| {
                let SeriesKey {
                    device,
                    metric,
                    unit,
                } = &sample.series;
                let unit = unit.as_deref().unwrap_or("-");
                format!("{device} {metric} {unit} {}", sample.value)
            })
            .collect()
    }

    /// A device that works at these jobs.
    fn working(phases: &str) -> Vec<String> {
        told(&format!(
            "<DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\">{phases}</DeviceInfo>"
        ))
    }

    #[test]
    fn the_values_of_each_device_in_a_signal_are_its_own() {
        let told = told(
            "<DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\" Speed=\"9000\"/>\
             <DeviceInfo DeviceID=\"press-4\" DeviceStatus=\"Running\" Speed=\"7000\"/>",
        );
        let expected = ["press-3 jmf.speed - 9000", "press-4 jmf.speed - 7000"];
        assert_eq!(told, expected);
    }

    #[test]
    fn counters_are_told_under_the_names_that_oee_looks_for() {
        let told = told(
            "<DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\" ProductionCounter=\"12000\" \
             TotalProductionCounter=\"900000\" CounterUnit=\"sheet\">\
             <JobPhase Status=\"InProgress\" JobID=\"A\" Amount=\"100\" Waste=\"10\"/></DeviceInfo>",
        );
        let expected = [
            "press-3 jmf.production_counter sheet 12000",
            "press-3 jmf.total_production_counter sheet 900000",
            "press-3 jmf.job.good sheet 100",
            "press-3 jmf.job.waste sheet 10",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_a_device_made_of_several_jobs_at_once_is_one_sum_of_those_that_tell_it() {
        let told = working(
            "<JobPhase Status=\"InProgress\" JobID=\"A\" Amount=\"100\" Waste=\"10\" PercentCompleted=\"50\"/>\
             <JobPhase Status=\"InProgress\" JobID=\"B\" Waste=\"500.5\" PercentCompleted=\"20\"/>\
             <JobPhase Status=\"Setup\" JobID=\"C\"/>",
        );
        let expected = [
            "press-3 jmf.job.good - 100",
            "press-3 jmf.job.waste - 510.5",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_percentage_of_the_only_job_that_tells_one_is_kept() {
        let told = working(
            "<JobPhase Status=\"InProgress\" JobID=\"A\" PercentCompleted=\"50\"/>\
             <JobPhase Status=\"Setup\" JobID=\"B\"/>",
        );
        assert_eq!(told, ["press-3 jmf.job.percent_completed % 50"]);
        assert!(working("<JobPhase Status=\"Setup\" JobID=\"B\"/>").is_empty());
    }

    #[test]
    fn amounts_that_no_number_holds_together_give_no_value() {
        let most = Decimal::MAX;
        let told = working(&format!(
            "<JobPhase Status=\"InProgress\" JobID=\"A\" Amount=\"{most}\" Waste=\"1\"/>\
             <JobPhase Status=\"InProgress\" JobID=\"B\" Amount=\"{most}\"/>"
        ));
        assert_eq!(told, ["press-3 jmf.job.waste - 1"]);
    }
}
