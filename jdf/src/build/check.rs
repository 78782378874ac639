//! What is wrong with a description: every problem at once, each with the path of its field.

use super::job::{JobDescription, JobKind, Size};
use super::material::{Layer, Media};
use super::media::PROCESS_COLOURS;
use super::problem::{DescriptionError, Problem};
use super::step::{PrintMethod, Step, StepKind, WorkStyle};

/// JDF's short strings: job numbers, tool numbers, customer numbers.
const ID_LENGTH: usize = 63;
/// Names: longer ones are a mistake in the columns of somebody's table.
const TEXT_LENGTH: usize = 255;
/// URLs.
const URL_LENGTH: usize = 2000;
/// A list of a hundred sheets or products is a file gone wrong.
const LIST_LENGTH: usize = 100;
/// Far above any run, far below what counts can hold after waste of every step.
const QUANTITY: u64 = 1_000_000_000;
/// Steps of one job.
const STEPS: usize = 16;
/// Colours of one side: more than any press has units.
const COLOURS: usize = 32;

impl JobDescription {
    /// Whether a ticket can be made from the description.
    ///
    /// # Errors
    /// Every problem at once, in the order of the description, so that a form can mark all of its fields.
    ///
    /// ```
    /// use agog_jdf::{JobDescription, samples};
    /// let mut job: JobDescription = serde_json::from_str(samples()[0].json).unwrap();
    /// assert!(job.check().is_ok());
    /// job.job_id = String::new();
    /// job.steps.clear();
    /// let paths: Vec<_> = job.check().unwrap_err().problems.into_iter().map(|problem| problem.path).collect();
    /// assert_eq!(paths[0], "job_id");
    /// assert!(paths.contains(&"steps".to_owned()));
    /// ```
    pub fn check(&self) -> Result<(), DescriptionError> {
        let mut check = Check::default();
        check.job(self);
        if check.problems.is_empty() {
            Ok(())
        } else {
            Err(DescriptionError {
                problems: check.problems,
            })
        }
    }
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn say(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            message: message.into(),
        });
    }

    fn job(&mut self, job: &JobDescription) {
        self.id("job_id", &job.job_id);
        self.some_text("name", job.name.as_deref());
        if let Some(customer) = &job.customer {
            self.some_id("customer.id", customer.id.as_deref());
            self.text("customer.name", &customer.name);
            self.some_id("customer.order_number", customer.order_number.as_deref());
            self.some_text("customer.contact", customer.contact.as_deref());
        }
        self.products(job);
        self.sheets(job);
        self.colours(job);
        if let Some(condition) = &job.print_condition {
            self.text("print_condition.name", &condition.name);
            self.url(
                "print_condition.icc_profile",
                condition.icc_profile.as_deref(),
            );
        }
        if let Some(die) = &job.die {
            self.id("die.number", &die.number);
            self.count("die.across", die.across.into(), 1, 1000);
            self.count("die.along", die.along.into(), 1, 1000);
            self.url("die.file", die.file.as_deref());
        }
        self.steps(job);
        self.count("overs_percent", job.overs_percent.into(), 0, 50);
        if job.gang_name.is_some() && job.kind != JobKind::GangSheet {
            self.say("gang_name", "is given, but only a gang_sheet has one");
        }
        self.some_id("gang_name", job.gang_name.as_deref());
    }

    fn products(&mut self, job: &JobDescription) {
        let gang = job.kind == JobKind::GangSheet;
        let (least, most) = if gang { (2, LIST_LENGTH) } else { (1, 1) };
        self.length("products", job.products.len(), least, most, job.kind);
        for (index, product) in job.products.iter().enumerate().take(LIST_LENGTH) {
            let at = |field: &str| format!("products[{index}].{field}");
            self.text(&at("name"), &product.name);
            self.some_text(&at("article"), product.article.as_deref());
            self.count(&at("quantity"), product.quantity, 1, QUANTITY);
            self.size(&at("finished_size"), product.finished_size);
            if let Some(size) = product.blank_size {
                self.size(&at("blank_size"), size);
            }
            match (product.pages, job.kind) {
                (None, JobKind::Brochure) => {
                    self.say(
                        at("pages"),
                        "is missing, expected the pages of the brochure",
                    );
                }
                (Some(_), kind) if kind != JobKind::Brochure => {
                    self.say(at("pages"), "is given, but only a brochure has pages");
                }
                (Some(pages), _) if pages == 0 || pages % 4 != 0 || pages > 1000 => self.say(
                    at("pages"),
                    format!("{pages} is given, expected a multiple of 4 up to 1000"),
                ),
                _ => {}
            }
            match product.ups {
                Some(ups) if gang => self.count(&at("ups"), ups.into(), 1, 1000),
                Some(_) => self.say(
                    at("ups"),
                    "is given, but only products of a gang_sheet have it; see `die` and `sheets[].ups`",
                ),
                None if gang => {
                    self.say(at("ups"), "is missing, expected how often the product is on the sheet");
                }
                None => {}
            }
            self.url(&at("artwork"), product.artwork.as_deref());
            self.url(&at("cad_file"), product.cad_file.as_deref());
            match product.winding {
                None if job.kind.is_web() => {
                    self.say(
                        at("winding"),
                        "is missing, expected how the rolls are wound",
                    );
                }
                None => {}
                Some(_) if !job.kind.is_web() => {
                    self.say(
                        at("winding"),
                        "is given, but only products on a roll are wound",
                    );
                }
                Some(winding) => {
                    self.count(&at("winding.direction"), winding.direction.into(), 1, 8);
                    let pieces = u64::from(winding.pieces_per_roll);
                    self.count(&at("winding.pieces_per_roll"), pieces, 1, 10_000_000);
                    self.some_measure(&at("winding.core"), winding.core, 5.0, 1000.0, "mm");
                    let diameter = winding.roll_diameter;
                    self.some_measure(&at("winding.roll_diameter"), diameter, 10.0, 3000.0, "mm");
                }
            }
        }
    }

    fn sheets(&mut self, job: &JobDescription) {
        let most = if job.kind == JobKind::Brochure {
            LIST_LENGTH
        } else {
            1
        };
        self.length("sheets", job.sheets.len(), 1, most, job.kind);
        for (index, sheet) in job.sheets.iter().enumerate().take(LIST_LENGTH) {
            let at = |field: &str| format!("sheets[{index}].{field}");
            self.id(&at("name"), &sheet.name);
            if job.sheets[..index]
                .iter()
                .any(|other| other.name == sheet.name)
            {
                self.say(
                    at("name"),
                    format!("`{}` is the name of another sheet", sheet.name),
                );
            }
            self.media(&at("media"), &sheet.media);
            if job.kind.is_web() && !sheet.media.roll {
                self.say(
                    at("media.roll"),
                    "is false, expected true: this kind of job runs from a roll",
                );
            }
            if !job.kind.is_web() && sheet.media.roll {
                self.say(
                    at("media.roll"),
                    "is true, expected false: this kind of job runs on sheets",
                );
            }
            if job.kind == JobKind::CorrugatedBox {
                let laid = job.steps.iter().filter_map(|step| step.media.as_ref());
                let mut boards = laid.chain([&sheet.media]);
                if !boards.any(|media| media.flute.is_some()) {
                    self.say(
                        at("media.flute"),
                        "is missing, expected the flute of the board here or in a laminate step",
                    );
                }
            }
            self.size(&at("size"), sheet.size);
            let two_sided = sheet.work_style != WorkStyle::Simplex;
            if !sheet.back.is_empty() && !two_sided {
                self.say(at("work_style"), "is simplex, but `back` has colours");
            }
            for (side, colours) in [("front", &sheet.front), ("back", &sheet.back)] {
                self.length(&at(side), colours.len(), 0, COLOURS, job.kind);
                for (place, colour) in colours.iter().enumerate().take(COLOURS) {
                    let path = at(&format!("{side}[{place}]"));
                    let known = PROCESS_COLOURS.contains(&colour.as_str())
                        || job.spot_colours.iter().any(|spot| spot.name == *colour);
                    if !known {
                        self.say(&path, format!("`{colour}` is not known, expected Cyan, Magenta, Yellow, Black or a name of `spot_colours`"));
                    }
                    if colours[..place].contains(colour) {
                        self.say(&path, format!("`{colour}` is there twice"));
                    }
                }
            }
            match (sheet.ups, &job.die) {
                (Some(_), _) if job.kind == JobKind::GangSheet => {
                    self.say(
                        at("ups"),
                        "is given, but each product of a gang_sheet has its own",
                    );
                }
                (Some(ups), Some(die)) if Some(ups) != die.across.checked_mul(die.along) => {
                    self.say(
                        at("ups"),
                        format!(
                            "{ups} is given, but the die has {} x {}",
                            die.across, die.along
                        ),
                    );
                }
                (Some(ups), _) => self.count(&at("ups"), ups.into(), 1, 100_000),
                (None, _) => {}
            }
        }
    }

    fn colours(&mut self, job: &JobDescription) {
        for (index, spot) in job.spot_colours.iter().enumerate().take(LIST_LENGTH) {
            let at = |field: &str| format!("spot_colours[{index}].{field}");
            self.id(&at("name"), &spot.name);
            let earlier = job.spot_colours[..index].iter().map(|spot| &spot.name);
            if PROCESS_COLOURS.contains(&spot.name.as_str()) {
                self.say(
                    at("name"),
                    format!("`{}` is a process colour, expected another name", spot.name),
                );
            } else if earlier.into_iter().any(|name| *name == spot.name) {
                self.say(at("name"), format!("`{}` is there twice", spot.name));
            }
            for (place, value) in spot.lab.into_iter().flatten().enumerate() {
                let (least, most) = if place == 0 {
                    (0.0, 100.0)
                } else {
                    (-128.0, 127.0)
                };
                self.measure(&at(&format!("lab[{place}]")), value, least, most, "");
            }
            for (place, value) in spot.cmyk.into_iter().flatten().enumerate() {
                self.measure(&at(&format!("cmyk[{place}]")), value, 0.0, 1.0, "");
            }
        }
        self.length(
            "spot_colours",
            job.spot_colours.len(),
            0,
            LIST_LENGTH,
            job.kind,
        );
    }

    fn steps(&mut self, job: &JobDescription) {
        self.length("steps", job.steps.len(), 1, STEPS, job.kind);
        let separates = job.separates_at();
        for (index, step) in job.steps.iter().enumerate().take(STEPS) {
            self.step(job, index, step);
            if separates.is_some_and(|at| index > at)
                && matches!(step.kind, StepKind::Print | StepKind::Plates)
            {
                self.say(
                    format!("steps[{index}].kind"),
                    "comes after the sheets are cut up, expected before",
                );
            }
            if job.kind == JobKind::GangSheet && separates.is_some_and(|at| index > at) {
                self.say(
                    format!("steps[{index}].kind"),
                    "comes after the gang is cut up, expected in a job of each product",
                );
            }
        }
        if !job.steps.iter().any(|step| step.kind == StepKind::Print) {
            self.say("steps", "has no print step");
        }
        if separates.is_none() && job.kind.is_web() {
            self.say(
                "steps",
                "has no slit step, expected one: rolls for the customer are wound there",
            );
        }
        let many =
            job.sheets.iter().any(|sheet| job.ups(sheet) > 1) || job.kind == JobKind::GangSheet;
        if separates.is_none() && many && !job.kind.is_web() {
            self.say(
                "steps",
                "has no cut or die_cut step, but there are several pieces on a sheet",
            );
        }
        let stitched = job.steps.iter().any(|step| step.kind == StepKind::Stitch);
        if job.sheets.len() > 1 && !stitched {
            self.say("steps", "has no stitch step, but there are several sheets");
        }
    }

    fn step(&mut self, job: &JobDescription, index: usize, step: &Step) {
        let at = |field: &str| format!("steps[{index}].{field}");
        self.some_id(&at("device"), step.device.as_deref());
        let before = index
            .checked_sub(1)
            .and_then(|before| job.steps.get(before));
        if step.inline {
            match before {
                None => self.say(at("inline"), "is true, but no step is before"),
                Some(before)
                    if before.kind == StepKind::Plates || step.kind == StepKind::Plates =>
                {
                    self.say(
                        at("inline"),
                        "is true, but plates are made apart from everything else",
                    );
                }
                Some(before) if step.device.is_some() && before.device != step.device => {
                    self.say(
                        at("device"),
                        "differs from that of the step before, but `inline` says both are one pass",
                    );
                }
                Some(_) => {}
            }
        }
        if step.kind == StepKind::Plates {
            let printed = job
                .steps
                .iter()
                .take(index)
                .any(|step| step.kind == StepKind::Print);
            if printed {
                self.say(at("kind"), "plates come after printing, expected before");
            }
            if job.print_method() == PrintMethod::Digital {
                self.say(
                    at("kind"),
                    "plates are made, but the job is printed digitally",
                );
            }
        }
        if let (Some(start), Some(end)) = (step.start, step.end)
            && end < start
        {
            self.say(at("end"), "is before `start`");
        }
        self.count(&at("setup_waste"), step.setup_waste, 0, QUANTITY);
        self.count(
            &at("run_waste_permille"),
            step.run_waste_permille.into(),
            0,
            500,
        );
        let mut only = |field: &str, given: bool, kind: StepKind, name: &str| {
            if given && step.kind != kind {
                self.say(
                    at(field),
                    format!("is given, but only a {name} step has it"),
                );
            }
        };
        only("method", step.method.is_some(), StepKind::Print, "print");
        only("area", step.area.is_some(), StepKind::Varnish, "varnish");
        only(
            "media",
            step.media.is_some(),
            StepKind::Laminate,
            "laminate",
        );
        only("fold", step.fold.is_some(), StepKind::Fold, "fold");
        only(
            "box_type",
            step.box_type.is_some(),
            StepKind::BoxFold,
            "box_fold",
        );
        if let Some(media) = &step.media {
            self.media(&at("media"), media);
        }
        if let Some(fold) = &step.fold {
            self.token(&at("fold"), fold);
        }
        if step.kind == StepKind::DieCut && job.die.is_none() {
            self.say(
                "die",
                format!("is missing, but `steps[{index}]` is a die_cut"),
            );
        }
        if step.kind == StepKind::Slit && !job.kind.is_web() {
            self.say(at("kind"), "is slit, but this kind of job runs on sheets");
        }
    }

    fn media(&mut self, path: &str, media: &Media) {
        self.text(&format!("{path}.name"), &media.name);
        self.some_text(&format!("{path}.article"), media.article.as_deref());
        self.weight(path, media.grammage, media.thickness);
        if let Some(flute) = &media.flute {
            self.token(&format!("{path}.flute"), flute);
        }
        if media.layers.len() > STEPS {
            self.say(
                format!("{path}.layers"),
                format!("{} are given, expected at most {STEPS}", media.layers.len()),
            );
        }
        for (index, layer) in media.layers.iter().enumerate().take(STEPS) {
            let Layer {
                name,
                grammage,
                thickness,
                ..
            } = layer;
            let path = format!("{path}.layers[{index}]");
            self.text(&format!("{path}.name"), name);
            self.weight(&path, *grammage, *thickness);
        }
    }

    fn weight(&mut self, path: &str, grammage: Option<f64>, thickness: Option<f64>) {
        self.some_measure(&format!("{path}.grammage"), grammage, 1.0, 5000.0, " g/m²");
        self.some_measure(
            &format!("{path}.thickness"),
            thickness,
            1.0,
            50_000.0,
            " µm",
        );
    }

    fn size(&mut self, path: &str, size: Size) {
        self.measure(&format!("{path}.width"), size.width, 1.0, 10_000.0, " mm");
        self.measure(&format!("{path}.height"), size.height, 1.0, 10_000.0, " mm");
        self.some_measure(&format!("{path}.depth"), size.depth, 0.0, 10_000.0, " mm");
    }

    fn some_measure(&mut self, path: &str, value: Option<f64>, least: f64, most: f64, unit: &str) {
        if let Some(value) = value {
            self.measure(path, value, least, most, unit);
        }
    }

    fn measure(&mut self, path: &str, value: f64, least: f64, most: f64, unit: &str) {
        // A number that is none is in no range.
        if !(least..=most).contains(&value) {
            self.say(
                path,
                format!("{value} is given, expected {least} to {most}{unit}"),
            );
        }
    }

    fn count(&mut self, path: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.say(
                path,
                format!("{value} is given, expected {least} to {most}"),
            );
        }
    }

    fn length(&mut self, path: &str, length: usize, least: usize, most: usize, kind: JobKind) {
        if !(least..=most).contains(&length) {
            let expected = if least == most {
                least.to_string()
            } else {
                format!("{least} to {most}")
            };
            self.say(
                path,
                format!(
                    "{length} are given, expected {expected} for a {}",
                    kind.as_str()
                ),
            );
        }
    }

    fn some_id(&mut self, path: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.id(path, value);
        }
    }

    fn id(&mut self, path: &str, value: &str) {
        self.text_of(path, value, ID_LENGTH);
    }

    fn some_text(&mut self, path: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(path, value);
        }
    }

    fn text(&mut self, path: &str, value: &str) {
        self.text_of(path, value, TEXT_LENGTH);
    }

    fn text_of(&mut self, path: &str, value: &str, most: usize) {
        let length = value.chars().count();
        if value.trim().is_empty() {
            self.say(path, "is empty");
        } else if value.trim() != value {
            self.say(path, "begins or ends with white space");
        } else if length > most {
            self.say(
                path,
                format!("has {length} characters, expected at most {most}"),
            );
        } else if value
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        {
            self.say(path, "holds characters that XML cannot carry");
        }
    }

    /// A name without spaces, as JDF wants it of folds and flutes.
    fn token(&mut self, path: &str, value: &str) {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if value.is_empty() || value.len() > ID_LENGTH || !value.chars().all(fits) {
            self.say(
                path,
                format!("`{value}` is given, expected letters, digits, `-`, `_` and `.`"),
            );
        }
    }

    fn url(&mut self, path: &str, url: Option<&str>) {
        let Some(url) = url else { return };
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/?@!$&'()*+,;=%#".contains(c);
        let escapes = url.split('%').skip(1).all(|rest| {
            rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
        });
        let scheme = match url.split_once(':') {
            Some((before, _)) if !before.contains('/') => {
                matches!(before, "file" | "http" | "https" | "cid")
            }
            _ => true,
        };
        let one_fragment = url.matches('#').count() <= 1;
        if url.is_empty()
            || url.len() > URL_LENGTH
            || !url.chars().all(fits)
            || !escapes
            || !scheme
            || !one_fragment
        {
            self.say(path, format!("`{}` is given, expected a URL of file, http, https or cid, or a relative one, with spaces as %20", url.chars().take(80).collect::<String>()));
        }
    }
}
