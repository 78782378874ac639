//! What people set of a device, and what holds where nothing is set. No SQL.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::telemetry::metric;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::calendar::{Calendar, PlannedSpan, SPANS_MAX};
use super::oee::Category;
use super::threshold::{THRESHOLDS_MAX, Threshold};
use crate::http::{ApiError, json_read};

/// The longest name of a metric, a state or a time zone.
const NAME_CHARS_MAX: usize = 200;
/// The most states that are set: JDF has seven.
const STATES_MAX: usize = 50;

/// The settings of a device. A member that is not set has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct Settings {
    /// How many units the device can make in an hour at best; its planned run time per item is the inverse.
    #[schema(example = 18_000.0)]
    pub ideal_speed_per_hour: Option<f64>,
    /// The counter of all that was made, good or not.
    #[schema(example = "jmf.production_counter")]
    pub produced_metric: String,
    /// The counter of what was wasted of that.
    #[schema(example = "jmf.job.waste")]
    pub waste_metric: String,
    /// Where the clock on the wall is that `calendar` means.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// When it is planned to work, each week; null while nobody has said.
    pub calendar: Option<Vec<PlannedSpan>>,
    /// What its states count as, where that is not what JMF means by them.
    #[schema(value_type = Object, example = json!({"Maintenance": "planned-down"}))]
    pub states: BTreeMap<String, Category>,
    /// What its metrics raise alarms for.
    pub alarms: Vec<Threshold>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ideal_speed_per_hour: None,
            produced_metric: metric::PRODUCTION_COUNTER.to_owned(),
            waste_metric: metric::JOB_WASTE.to_owned(),
            time_zone: "UTC".to_owned(),
            calendar: None,
            states: BTreeMap::new(),
            alarms: Vec::new(),
        }
    }
}

impl Settings {
    /// What a state counts as.
    pub(super) fn category(&self, state: &str) -> Category {
        let set = self.states.get(state).copied();
        set.unwrap_or_else(|| Category::of_jmf(state))
    }

    /// These settings with the members of `patch`; null sets a member back to its default.
    pub(super) fn patched(&self, patch: Map<String, Value>) -> Result<Self, ApiError> {
        let mut members = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        for (name, value) in patch {
            if !members.contains_key(&name) {
                return Err(invalid(format!("/{name}"), "there is no such setting"));
            }
            if value.is_null() {
                // What is not there is read as its default.
                members.remove(&name);
            } else {
                members.insert(name, value);
            }
        }
        let text = Value::Object(members).to_string();
        let settings: Self = json_read(text.as_bytes())?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), ApiError> {
        if let Some(speed) = self.ideal_speed_per_hour
            && !(speed.is_finite() && speed > 0.0)
        {
            return Err(invalid("/ideal_speed_per_hour", "expected more than 0"));
        }
        check_name("/produced_metric", &self.produced_metric)?;
        check_name("/waste_metric", &self.waste_metric)?;
        let spans = self.calendar.as_deref().unwrap_or_default();
        if spans.len() > SPANS_MAX {
            let detail = format!("a week has at most {SPANS_MAX} spans");
            return Err(invalid("/calendar", detail));
        }
        Calendar::read(&self.time_zone, &[])
            .map_err(|error| invalid("/time_zone", error.to_string()))?;
        for (place, span) in spans.iter().enumerate() {
            Calendar::read(&self.time_zone, std::slice::from_ref(span))
                .map_err(|error| invalid(format!("/calendar/{place}"), error.to_string()))?;
        }
        if self.states.len() > STATES_MAX {
            let detail = format!("at most {STATES_MAX} states are set");
            return Err(invalid("/states", detail));
        }
        for state in self.states.keys() {
            check_name("/states", state)?;
        }
        if self.alarms.len() > THRESHOLDS_MAX {
            let detail = format!("at most {THRESHOLDS_MAX} thresholds of a device");
            return Err(invalid("/alarms", detail));
        }
        let mut names = BTreeSet::new();
        for (place, threshold) in self.alarms.iter().enumerate() {
            let pointer = format!("/alarms/{place}");
            threshold.check(&pointer)?;
            if !names.insert(&threshold.name) {
                let detail = "another threshold has this name";
                return Err(invalid(format!("{pointer}/name"), detail));
            }
        }
        Ok(())
    }
}

/// Refuses a name that nothing can have.
pub(super) fn check_name(pointer: &str, name: &str) -> Result<(), ApiError> {
    let is_name =
        !name.is_empty() && !name.contains('\0') && name.chars().count() <= NAME_CHARS_MAX;
    if is_name {
        return Ok(());
    }
    let detail = format!("expected 1 to {NAME_CHARS_MAX} characters");
    Err(invalid(pointer, detail))
}

/// A setting that cannot be.
pub(super) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> ApiError {
    ApiError::unprocessable("bad-settings", "a setting cannot be as it is wanted")
        .at(pointer, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(patch: Value) -> Result<Settings, ApiError> {
        let Value::Object(patch) = patch else {
            panic!("not an object")
        };
        Settings::default().patched(patch)
    }

    #[test]
    fn a_member_that_is_not_named_stays_and_null_is_the_default_again() {
        let set =
            patched(json!({"ideal_speed_per_hour": 18_000, "time_zone": "Europe/Berlin"})).unwrap();
        assert_eq!(set.ideal_speed_per_hour, Some(18_000.0));
        let Value::Object(patch) = json!({"time_zone": null, "produced_metric": "good"}) else {
            panic!("not an object")
        };
        let again = set.patched(patch).unwrap();
        assert_eq!(
            (again.time_zone.as_str(), again.produced_metric.as_str()),
            ("UTC", "good")
        );
        assert_eq!(again.ideal_speed_per_hour, Some(18_000.0));
    }

    #[test]
    fn states_count_as_what_jmf_means_by_them_unless_it_is_set_otherwise() {
        let set = patched(json!({"states": {"Idle": "stop", "Wartung": "planned-down"}})).unwrap();
        let categories = ["Running", "Cleanup", "Idle", "Wartung", "Druck"];
        assert_eq!(
            categories.map(|state| set.category(state)),
            [
                Category::Production,
                Category::Setup,
                Category::Stop,
                Category::PlannedDown,
                Category::Unknown
            ]
        );
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        for patch in [
            json!({"speed": 1}),
            json!({"ideal_speed_per_hour": 0}),
            json!({"ideal_speed_per_hour": "fast"}),
            json!({"produced_metric": ""}),
            json!({"time_zone": "Hamburg"}),
            json!({"calendar": [{"days": ["monday"], "from": "6", "to": "14:00"}]}),
            json!({"calendar": [{"days": ["monday"], "from": "06:00", "to": "14:00", "until": 1}]}),
            json!({"states": {"Idle": "lazy"}}),
        ] {
            let refused = patched(patch.clone()).unwrap_err();
            assert_eq!(refused.status().as_u16(), 422, "{patch}");
        }
    }
}
