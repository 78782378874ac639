//! The route: a product root, then one node for each pass, joined by the components that go from one to the
//! next. Order and genealogy follow from these links.
//!
//! Each step is a process node of its own, because each has its device, its times and its amounts; steps in
//! one pass (`inline`) are a combined node. Only plate making is a gray box, as the MIS ICS has it: prepress
//! decides how. Planned waste stands on the inputs, where it is fetched; outputs count what is good.

use jiff::Timestamp;

use super::JDF_VERSION;
use super::job::{JobDescription, JobKind};
use super::media::station;
use super::problem::DescriptionError;
use super::process::Process;
use super::quantity::StepAmounts;
use super::step::{PrintMethod, Step, StepKind};
use super::ticket::{
    Keys, Planned, file, link, parameter, partitioned, resource, shape, with_amounts,
};
use crate::element::Element;
use crate::name;
use crate::value::write_date_time;

/// Where the goods end.
const FINAL: &str = "r_Final";

/// Longer names of a pass are told by its first and last step: an ID made of one, of `r_`, the number of the
/// step and the longest name of parameters has to stay within the 63 characters of the Base ICS.
const PART_BYTES_MAX: usize = 24;

/// Consecutive steps that one device does in one pass.
struct Pass<'j> {
    /// The `JobPartID`.
    part: String,
    steps: &'j [Step],
    /// The place of the first step.
    first: usize,
}

struct Route<'j> {
    job: &'j JobDescription,
    /// The amounts of each sheet, by step.
    lanes: Vec<Vec<StepAmounts>>,
    pool: Vec<Element>,
    devices: Vec<&'j str>,
}

impl JobDescription {
    /// The ticket as a JDF 1.5 document in UTF-8: a product node with what is wanted, and one node for each pass
    /// with its device, times, resources and amounts. The same description and time give the same bytes.
    ///
    /// # Errors
    /// A description with problems is refused with all of them, see [`JobDescription::check`].
    ///
    /// ```
    /// use agog_jdf::{Document, JobDescription, Limits, Ticket, samples};
    /// let label: JobDescription = serde_json::from_str(samples()[2].json).unwrap();
    /// let bytes = label.to_ticket("2025-03-01T08:00:00Z".parse().unwrap()).unwrap();
    /// let document = Document::parse(&bytes, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// let print = ticket.executable_nodes().unwrap()[0];
    /// assert_eq!(print.types(), ["ConventionalPrinting", "ShapeCutting"], "printed and die-cut in one pass");
    /// assert_eq!(print.device_id(&ticket), Some("label-press-1"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn to_ticket(&self, created: Timestamp) -> Result<Vec<u8>, DescriptionError> {
        self.check()?;
        let lanes = self.sheets.iter().map(|sheet| self.amounts(sheet));
        let route = Route {
            job: self,
            lanes: lanes.collect(),
            pool: Vec::new(),
            devices: Vec::new(),
        };
        Ok(route.write(created).to_document())
    }

    fn passes(&self) -> Vec<Pass<'_>> {
        let mut passes = Vec::new();
        let mut first = 0;
        let mut parts: Vec<String> = Vec::new();
        for steps in self.steps.chunk_by(|_, next| next.inline) {
            let names: Vec<_> = steps.iter().map(|step| step.kind.part()).collect();
            let name = match (names.join("-"), names.first(), names.last()) {
                (long, Some(first), Some(last)) if long.len() > PART_BYTES_MAX => {
                    format!("{first}-to-{last}")
                }
                (name, ..) => name,
            };
            let same = parts.iter().filter(|part| **part == name).count();
            parts.push(name.clone());
            let part = if same == 0 {
                name
            } else {
                format!("{name}.{}", same + 1)
            };
            passes.push(Pass { part, steps, first });
            first += steps.len();
        }
        passes
    }
}

impl<'j> Route<'j> {
    fn write(mut self, created: Timestamp) -> Element {
        let job = self.job;
        let passes = job.passes();
        self.shared();
        let mut product_links = Vec::new();
        for (resource, link) in job.job_info() {
            self.pool.push(resource);
            product_links.push(link);
        }
        let mut products = Vec::new();
        for (index, product) in job.products.iter().enumerate() {
            let (intents, links): (Vec<_>, Vec<_>) =
                job.intents(index, product).into_iter().unzip();
            self.pool.extend(intents);
            if job.kind == JobKind::GangSheet {
                let part = Element::new("Part").with("BlockName", station(index));
                let output = link("Component", "Output", FINAL)
                    .with("Amount", job.planned(product.quantity))
                    .child(part);
                products.push(
                    node(
                        "Product",
                        &format!("n_Product{}", index + 1),
                        &format!("Product{}", index + 1),
                    )
                    .with("DescriptiveName", &product.name)
                    .child(
                        Element::new("ResourceLinkPool")
                            .children(links)
                            .child(output),
                    ),
                );
            } else {
                product_links.extend(links);
            }
        }
        let mut nodes = Vec::new();
        for (index, pass) in passes.iter().enumerate() {
            let before = passes[..index]
                .iter()
                .rev()
                .find(|pass| pass.makes_component());
            let is_last = index + 1 == passes.len();
            nodes.push(self.pass(pass, before, is_last));
        }
        product_links.push(self.final_link());
        let created = Element::new("Created")
            .with("TimeStamp", write_date_time(created))
            .with("AgentName", "AGOG")
            .with("AgentVersion", env!("CARGO_PKG_VERSION"));
        let gang = job.gang_name.as_ref().map(|gang| {
            Element::new("GeneralID")
                .with("IDUsage", "GangName")
                .with("IDValue", gang)
        });
        Element::new("JDF")
            .with("xmlns", name::JDF)
            .with("xmlns:xsi", name::XSI)
            .with("xsi:type", "Product")
            .with("ID", "n_Job")
            .with("Type", "Product")
            .with("JobID", &job.job_id)
            .with("JobPartID", "Job")
            .with_some("DescriptiveName", job.name.as_ref())
            .with("Status", "Waiting")
            .with("Activation", "Active")
            .with("Version", JDF_VERSION)
            .with("MaxVersion", JDF_VERSION)
            .with("ICSVersions", "Base_L2-1.5 MIS_L1-1.5")
            .children(gang)
            .child(Element::new("AuditPool").child(created))
            .child(Element::new("ResourcePool").children(self.pool))
            .child(Element::new("ResourceLinkPool").children(product_links))
            .children(products)
            .children(nodes)
    }

    /// What several nodes use.
    fn shared(&mut self) {
        let job = self.job;
        self.pool.push(job.sheet_media());
        if !job.colours().is_empty() {
            self.pool.extend(job.colour_resources());
        }
        if let Some(condition) = &job.print_condition {
            let profile = condition
                .icc_profile
                .as_deref()
                .map(|url| file(url).with("MimeType", "application/vnd.iccprofile"));
            self.pool.push(
                parameter("PrintCondition", "r_PrintCondition")
                    .with("Name", &condition.name)
                    .children(profile),
            );
        }
        self.pool.extend(job.run_list());
        self.pool.extend(job.die_resources().into_iter().flatten());
        if job.has_plates() {
            let (media, plates) = job.plates(job.makes_plates());
            self.pool.extend([media, plates]);
        }
        if job.makes_plates() {
            self.pool.push(job.stripping());
        }
    }

    fn pass(&mut self, pass: &Pass<'j>, before: Option<&Pass<'j>>, is_last: bool) -> Element {
        let mut links = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let processes: Vec<Process> = pass
            .steps
            .iter()
            .enumerate()
            .flat_map(|(place, step)| {
                // Two steps of a kind in one pass have parameters of their own.
                let part = if pass.steps.len() > 1 {
                    format!("{}_{}", pass.part, place + 1)
                } else {
                    pass.part.clone()
                };
                self.job.processes(step, &part)
            })
            .collect();
        let combined = processes.len() > 1;
        let at = |link: Element, index: usize| {
            link.with_some("CombinedProcessIndex", combined.then_some(index))
        };
        if pass.makes_component() {
            links.push(at(self.input(pass, before), 0));
        }
        let last = processes.len().saturating_sub(1);
        for (index, process) in processes.into_iter().enumerate() {
            names.push(process.name);
            self.pool.extend(process.resources);
            let with_media = process.links.into_iter().map(|element| {
                if element.name() == "MediaLink" {
                    with_amounts(element, &self.planned(pass, &[], true))
                } else {
                    element
                }
            });
            links.extend(with_media.map(|link| at(link, index)));
            if matches!(process.name, "ConventionalPrinting" | "DigitalPrinting") {
                let shared = self.print_links(process.name);
                links.extend(shared.into_iter().map(|link| at(link, index)));
            }
        }
        links.extend(self.device_and_times(pass));
        if pass.makes_component() {
            let output = self.output(pass, is_last);
            links.push(at(output, last));
        } else {
            links.extend(self.plate_links());
        }
        let id = format!("n_{}", pass.part);
        let node = match (pass.makes_component(), names.as_slice()) {
            (false, _) => node("ProcessGroup", &id, &pass.part)
                .with("Category", "PlateMaking")
                .with(
                    "Types",
                    "Stripping Imposition Interpreting Rendering Screening ImageSetting",
                ),
            (true, [name]) => node(name, &id, &pass.part),
            (true, names) => node("Combined", &id, &pass.part).with("Types", names.join(" ")),
        };
        node.child(Element::new("ResourceLinkPool").children(links))
    }

    /// What goes into a pass: the media, or the component of the pass before.
    fn input(&self, pass: &Pass<'_>, before: Option<&Pass<'_>>) -> Element {
        let (element, by_sheet) = match before {
            None => (link("Media", "Input", "r_Media"), self.lanes.len() > 1),
            Some(before) => (
                link("Component", "Input", &component_id(before)),
                self.by_sheet(before),
            ),
        };
        let keys = if by_sheet {
            self.job.sheet_keys()
        } else {
            Vec::new()
        };
        with_amounts(element, &self.planned(pass, &keys, true))
    }

    /// The component that a pass makes, and its link.
    fn output(&mut self, pass: &Pass<'_>, is_last: bool) -> Element {
        let job = self.job;
        let id = if is_last {
            FINAL.to_owned()
        } else {
            component_id(pass)
        };
        let component = resource("Component", &id, "Quantity", false)
            .with("ComponentType", self.component_type(pass, is_last));
        if !is_last {
            let web = self.counts_web(pass).then_some("m");
            let component = component
                .with(
                    "DescriptiveName",
                    format!("{} of {}", pass.part, job.job_id),
                )
                .with_some("Unit", web);
            let by_sheet = self.by_sheet(pass);
            let keys = if by_sheet {
                job.sheet_keys()
            } else {
                Vec::new()
            };
            self.pool
                .push(partitioned(component, &keys, |_, leaf| leaf));
            return with_amounts(
                link("Component", "Output", &id),
                &self.planned(pass, &keys, false),
            );
        }
        if job.kind == JobKind::GangSheet {
            let keys: Vec<Keys> = (0..job.products.len())
                .map(|index| vec![("BlockName", station(index))])
                .collect();
            self.pool.push(partitioned(component, &keys, |index, leaf| {
                let Some(product) = job.products.get(index) else {
                    return leaf;
                };
                leaf.with_some("ProductID", product.article.as_ref())
                    .with("DescriptiveName", &product.name)
                    .with("Dimensions", shape(product.finished_size))
            }));
            let sheets = job.gang_sheets();
            let planned: Vec<_> = job
                .products
                .iter()
                .zip(keys)
                .map(|(product, keys)| Planned {
                    keys,
                    good: sheets.saturating_mul(u64::from(product.ups.unwrap_or(1))),
                    waste: 0,
                })
                .collect();
            return with_amounts(link("Component", "Output", &id), &planned);
        }
        let product = job.products.first();
        let winding = product.and_then(|product| product.winding);
        self.pool.push(
            component
                .with_some(
                    "ProductID",
                    product.and_then(|product| product.article.as_ref()),
                )
                .with_some("DescriptiveName", product.map(|product| &product.name))
                .with_some(
                    "Dimensions",
                    product.map(|product| shape(product.finished_size)),
                )
                .with_some("WindingResult", winding.map(|winding| winding.direction)),
        );
        with_amounts(
            link("Component", "Output", &id),
            &self.planned(pass, &[], false),
        )
    }

    /// The amounts of a pass: of each sheet, or of the pieces that all sheets together make.
    fn planned(&self, pass: &Pass<'_>, keys: &[Keys], input: bool) -> Vec<Planned> {
        let of = |lane: &Vec<StepAmounts>, keys: Keys| {
            let steps = lane.get(pass.first..pass.first + pass.steps.len())?;
            let (first, last) = (steps.first()?, steps.last()?);
            Some(if input {
                // What becomes waste later in the pass is fetched with the rest.
                let good = self.good_input(pass, steps);
                Planned {
                    keys,
                    good,
                    waste: first.input().saturating_sub(good),
                }
            } else {
                Planned {
                    keys,
                    good: last.output_good,
                    waste: 0,
                }
            })
        };
        if keys.is_empty() {
            self.lanes
                .first()
                .and_then(|lane| of(lane, Vec::new()))
                .into_iter()
                .collect()
        } else {
            let lanes = self.lanes.iter().zip(keys);
            lanes
                .filter_map(|(lane, keys)| of(lane, keys.clone()))
                .collect()
        }
    }

    /// The part of the input of a pass that becomes good: up to a step that separates, counts stay, so the
    /// smallest good input is it.
    fn good_input(&self, pass: &Pass<'_>, steps: &[StepAmounts]) -> u64 {
        let separates = self.job.separates_at();
        let upto = separates
            .and_then(|at| at.checked_sub(pass.first))
            .map_or(steps.len(), |at| (at + 1).min(steps.len()));
        let inputs = steps.iter().take(upto).map(|step| step.input_good);
        inputs.min().unwrap_or(0)
    }

    fn print_links(&self, process: &str) -> Vec<Element> {
        let job = self.job;
        let mut links = Vec::new();
        if !job.colours().is_empty() {
            links.push(link("ColorantControl", "Input", "r_ColorantControl"));
        }
        if job.print_condition.is_some() {
            links.push(link("PrintCondition", "Input", "r_PrintCondition"));
        }
        if process == "ConventionalPrinting" && job.has_plates() {
            links.push(link("ExposedMedia", "Input", "r_Plates").with("ProcessUsage", "Plate"));
        }
        // The schema gives a conventional press no run list: it prints what the plates show.
        if process == "DigitalPrinting" && job.has_artwork() {
            links.push(link("RunList", "Input", "r_RunList"));
        }
        links
    }

    fn plate_links(&self) -> Vec<Element> {
        let job = self.job;
        let mut links = vec![link("StrippingParams", "Input", "r_StrippingParams")];
        if job.has_artwork() {
            links.push(link("RunList", "Input", "r_RunList"));
        }
        if !job.colours().is_empty() {
            links.push(link("ColorantControl", "Input", "r_ColorantControl"));
        }
        if job.has_plates() {
            links.push(link("Media", "Input", "r_PlateMedia"));
            links.push(link("ExposedMedia", "Output", "r_Plates"));
        }
        links
    }

    fn device_and_times(&mut self, pass: &Pass<'j>) -> Vec<Element> {
        let mut links = Vec::new();
        if let Some(device) = pass.steps.iter().find_map(|step| step.device.as_deref()) {
            let known = self.devices.iter().position(|known| *known == device);
            let index = known.unwrap_or_else(|| {
                self.devices.push(device);
                self.devices.len() - 1
            });
            let id = format!("r_Device{}", index + 1);
            if known.is_none() {
                self.pool
                    .push(resource("Device", &id, "Implementation", true).with("DeviceID", device));
            }
            links.push(link("Device", "Input", &id));
        }
        let start = pass.steps.iter().find_map(|step| step.start);
        let end = pass.steps.iter().rev().find_map(|step| step.end);
        if start.is_some() || end.is_some() {
            let id = format!("r_{}_NodeInfo", pass.part);
            self.pool.push(
                parameter("NodeInfo", &id)
                    .with_some("Start", start.map(write_date_time))
                    .with_some("End", end.map(write_date_time)),
            );
            links.push(link("NodeInfo", "Input", &id));
        }
        links
    }

    fn final_link(&self) -> Element {
        let job = self.job;
        let planned = job.products.iter().fold(0_u64, |sum, product| {
            sum.saturating_add(job.planned(product.quantity))
        });
        link("Component", "Output", FINAL).with("Amount", planned)
    }

    /// Whether a pass comes before pieces are made.
    fn is_unseparated(&self, pass: &Pass<'_>) -> bool {
        let end = pass.first + pass.steps.len();
        self.job.separates_at().is_none_or(|at| end <= at)
    }

    fn counts_web(&self, pass: &Pass<'_>) -> bool {
        self.job.kind.is_web() && self.is_unseparated(pass)
    }

    /// Whether the component of a pass is partitioned by sheet: as long as there are sheets or sections.
    fn by_sheet(&self, pass: &Pass<'_>) -> bool {
        let end = pass.first + pass.steps.len();
        let merged = self
            .job
            .steps
            .iter()
            .take(end)
            .any(|step| step.kind == StepKind::Stitch);
        !merged && (self.is_unseparated(pass) || self.lanes.len() > 1)
    }

    fn component_type(&self, pass: &Pass<'_>, is_last: bool) -> &'static str {
        let last = pass.steps.last().map(|step| step.kind);
        match (is_last, self.job.kind.is_web(), last) {
            (true, true, _) => "Web FinalProduct",
            (true, _, Some(StepKind::BoxFold | StepKind::Glue)) => "Other FinalProduct",
            (true, _, Some(StepKind::Stitch | StepKind::Fold)) => "Block FinalProduct",
            (true, ..) => "Sheet FinalProduct",
            (false, true, _) => "Web PartialProduct",
            (false, _, Some(StepKind::Fold | StepKind::Stitch)) => "Block PartialProduct",
            (false, ..) => "Sheet PartialProduct",
        }
    }
}

impl Pass<'_> {
    /// Plate making alone makes no goods.
    fn makes_component(&self) -> bool {
        self.steps.iter().any(|step| step.kind != StepKind::Plates)
    }
}

impl JobDescription {
    fn has_plates(&self) -> bool {
        self.print_method() != PrintMethod::Digital && !self.colours().is_empty()
    }

    fn has_artwork(&self) -> bool {
        self.products
            .iter()
            .any(|product| product.artwork.is_some())
    }

    fn makes_plates(&self) -> bool {
        self.steps.iter().any(|step| step.kind == StepKind::Plates)
    }
}

fn component_id(pass: &Pass<'_>) -> String {
    format!("r_{}", pass.part)
}

fn node(process: &str, id: &str, part: &str) -> Element {
    Element::new("JDF")
        .with("xsi:type", process)
        .with("ID", id)
        .with("Type", process)
        .with("JobPartID", part)
        .with("Status", "Waiting")
}
