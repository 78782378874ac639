//! Units. JDF measures lengths in points, thickness in microns and grammage in g/m² (JDF 1.5, Units); people and
//! machines measure in millimetres and kilograms.

/// A length in points, 1/72 inch: the unit of every length in JDF that does not say otherwise.
///
/// ```
/// use agog_jdf::value::{Millimetres, Points};
/// assert_eq!(Points(72.0).to_millimetres(), Millimetres(25.4));
/// assert_eq!(Points::from(Millimetres(25.4)), Points(72.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Points(pub f64);

/// A length in millimetres.
///
/// ```
/// use agog_jdf::value::{Millimetres, Points};
/// let width: Points = Millimetres(1020.0).to_points();
/// assert!((width.0 - 2891.339).abs() < 0.001);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Millimetres(pub f64);

/// A thickness in microns, as of `Media/@Thickness`.
///
/// ```
/// use agog_jdf::value::{Microns, Millimetres};
/// assert_eq!(Millimetres::from(Microns(450.0)), Millimetres(0.45));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Microns(pub f64);

/// A weight per area in g/m², as of `Media/@Weight`.
///
/// ```
/// use agog_jdf::value::{Grammage, Points};
/// let sheet = [Points(72_000.0 / 25.4), Points(72_000.0 / 25.4)];
/// assert!((Grammage(300.0).kilograms(sheet, 1000.0) - 300.0).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Grammage(pub f64);

const POINTS_PER_INCH: f64 = 72.0;
const MILLIMETRES_PER_INCH: f64 = 25.4;

impl Points {
    /// The same length in millimetres.
    #[must_use]
    pub fn to_millimetres(self) -> Millimetres {
        Millimetres(self.0 * MILLIMETRES_PER_INCH / POINTS_PER_INCH)
    }
}

impl Millimetres {
    /// The same length in points.
    #[must_use]
    pub fn to_points(self) -> Points {
        Points(self.0 * POINTS_PER_INCH / MILLIMETRES_PER_INCH)
    }
}

impl From<Millimetres> for Points {
    fn from(length: Millimetres) -> Self {
        length.to_points()
    }
}

impl From<Points> for Millimetres {
    fn from(length: Points) -> Self {
        length.to_millimetres()
    }
}

impl From<Microns> for Millimetres {
    fn from(thickness: Microns) -> Self {
        Self(thickness.0 / 1000.0)
    }
}

impl Grammage {
    /// What so many sheets of a size weigh.
    #[must_use]
    pub fn kilograms(self, sheet: [Points; 2], sheets: f64) -> f64 {
        let [width_m, length_m] = sheet.map(|side| side.to_millimetres().0 / 1000.0);
        self.0 * width_m * length_m * sheets / 1000.0
    }
}
