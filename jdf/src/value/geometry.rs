//! Geometry: transformations, boxes and curves. Lengths are points (1/72 inch) unless an attribute says otherwise;
//! y grows upwards.

use super::{Value, XyPair};

/// A transformation of points, as in PDF: `a b c d e f` (JDF 1.5, matrix). A point `(x, y)` goes to
/// `(a·x + c·y + e, b·x + d·y + f)`.
///
/// ```
/// use agog_jdf::value::{Matrix, Value};
/// let turned = Matrix::read("0 1 -1 0 720 0").unwrap();
/// assert_eq!(turned.apply([10.0, 20.0]), [700.0, 10.0]);
/// assert_eq!(turned.then(turned.inverse().unwrap()), Matrix::IDENTITY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matrix(pub [f64; 6]);

impl Default for Matrix {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl From<[f64; 6]> for Matrix {
    fn from(numbers: [f64; 6]) -> Self {
        Self(numbers)
    }
}

#[expect(
    clippy::many_single_char_names,
    reason = "the specification calls the six numbers a to f"
)]
impl Matrix {
    /// Moves nothing.
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// Moves by a distance.
    #[must_use]
    pub fn translation([x, y]: XyPair) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// Makes larger or smaller, around the origin.
    #[must_use]
    pub fn scaling(x: f64, y: f64) -> Self {
        Self([x, 0.0, 0.0, y, 0.0, 0.0])
    }

    /// Turns counter-clockwise by quarters, around the origin; exact, unlike a turn by sines.
    #[must_use]
    pub fn quarter_turns(turns: i32) -> Self {
        let [a, b] = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
            [usize::try_from(turns.rem_euclid(4)).unwrap_or_default()];
        Self([a, b, -b, a, 0.0, 0.0])
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(self, point: XyPair) -> XyPair {
        let [.., e, f] = self.0;
        let [x, y] = self.direction(point);
        [x + e, y + f]
    }

    /// The box around a box after the transformation.
    #[must_use]
    pub fn apply_to(self, area: Rectangle) -> Rectangle {
        let corners = [
            [area.left, area.bottom],
            [area.right, area.bottom],
            [area.left, area.top],
            [area.right, area.top],
        ];
        let corners = corners.map(|corner| self.apply(corner));
        let by = |choose: fn(f64, f64) -> f64, axis: usize| {
            corners[1..]
                .iter()
                .fold(corners[0][axis], |so_far, corner| {
                    choose(so_far, corner[axis])
                })
        };
        Rectangle {
            left: by(f64::min, 0),
            bottom: by(f64::min, 1),
            right: by(f64::max, 0),
            top: by(f64::max, 1),
        }
    }

    /// The transformation that does this one and then another.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let images = [
            next.direction([a, b]),
            next.direction([c, d]),
            next.apply([e, f]),
        ];
        let [[a, b], [c, d], [e, f]] = images;
        Self([a, b, c, d, e, f])
    }

    /// The transformation back; `None` if this one makes everything flat.
    #[must_use]
    pub fn inverse(self) -> Option<Self> {
        let [a, b, c, d, e, f] = self.0;
        let area = a * d - b * c;
        if area == 0.0 || !area.is_finite() {
            return None;
        }
        // Adding zero makes a negative zero, which would be written as `-0`, positive.
        let numbers = [d, -b, -c, a, c * f - d * e, b * e - a * f];
        Some(Self(numbers.map(|number| number / area + 0.0)))
    }

    /// Where a distance goes, for which moving means nothing.
    fn direction(self, [x, y]: XyPair) -> XyPair {
        let [a, b, c, d, ..] = self.0;
        [a * x + c * y, b * x + d * y]
    }
}

/// A box: left, bottom, right, top (JDF 1.5, rectangle).
///
/// ```
/// use agog_jdf::value::{Rectangle, Value};
/// let page = Rectangle::read("0 0 595 842").unwrap();
/// assert_eq!((page.width(), page.height()), (595.0, 842.0));
/// assert!(page.contains([10.0, 800.0]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rectangle {
    /// The smaller x.
    pub left: f64,
    /// The smaller y.
    pub bottom: f64,
    /// The larger x.
    pub right: f64,
    /// The larger y.
    pub top: f64,
}

impl From<[f64; 4]> for Rectangle {
    fn from([left, bottom, right, top]: [f64; 4]) -> Self {
        Self {
            left,
            bottom,
            right,
            top,
        }
    }
}

impl From<Rectangle> for [f64; 4] {
    fn from(area: Rectangle) -> Self {
        [area.left, area.bottom, area.right, area.top]
    }
}

impl Rectangle {
    /// From left to right; negative if the two are the wrong way round.
    #[must_use]
    pub fn width(self) -> f64 {
        self.right - self.left
    }

    /// From bottom to top; negative if the two are the wrong way round.
    #[must_use]
    pub fn height(self) -> f64 {
        self.top - self.bottom
    }

    /// Whether a point is inside or on the edge.
    #[must_use]
    pub fn contains(self, [x, y]: XyPair) -> bool {
        (self.left..=self.right).contains(&x) && (self.bottom..=self.top).contains(&y)
    }
}

/// A curve by its points, x rising (JDF 1.5, TransferFunction): how a tone value becomes another.
///
/// ```
/// use agog_jdf::value::{TransferFunction, Value};
/// let gain = TransferFunction::read("0 0 0.5 0.62 1 1").unwrap();
/// assert_eq!(gain.value_at(0.25), Some(0.31));
/// assert_eq!(gain.value_at(2.0), Some(1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransferFunction(pub Vec<XyPair>);

impl TransferFunction {
    /// The value between the two points around `x`, on a straight line; beyond the ends that of the end. `None` if
    /// there are no points.
    #[must_use]
    pub fn value_at(&self, x: f64) -> Option<f64> {
        let after = self.0.partition_point(|[at, _]| *at < x);
        let (Some([x1, y1]), Some([x2, y2])) = (
            after.checked_sub(1).and_then(|before| self.0.get(before)),
            self.0.get(after),
        ) else {
            return self.0.get(after).or(self.0.last()).map(|[_, y]| *y);
        };
        Some(y1 + (y2 - y1) * (x - x1) / (x2 - x1))
    }
}

macro_rules! by_numbers {
    ($($kind:ty: $read:expr, $write:expr);+ $(;)?) => { $(
        impl Value for $kind {
            type View<'d> = Self;

            fn read(text: &str) -> Option<Self> {
                $read(text)
            }

            fn own(text: &str) -> Option<Self> {
                Self::read(text)
            }

            fn write(&self) -> String {
                $write(self)
            }
        }
    )+ };
}

by_numbers! {
    Matrix: |text| <[f64; 6]>::read(text).map(Self), |matrix: &Matrix| matrix.0.write();
    Rectangle: |text| <[f64; 4]>::read(text).map(Self::from), |area: &Rectangle| <[f64; 4]>::from(*area).write();
    TransferFunction: read_curve, |curve: &TransferFunction| curve.0.concat().write();
}

fn read_curve(text: &str) -> Option<TransferFunction> {
    let numbers = Vec::<f64>::own(text)?;
    let (points, rest) = numbers.as_chunks::<2>();
    rest.is_empty().then(|| TransferFunction(points.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_box_is_turned_with_its_sheet() {
        let page = Rectangle::from([0.0, 0.0, 300.0, 200.0]);
        let turned = Matrix::quarter_turns(1).then(Matrix::translation([200.0, 0.0]));
        assert_eq!(
            turned.apply_to(page),
            Rectangle::from([0.0, 0.0, 200.0, 300.0])
        );
        assert_eq!(turned.write(), "0 1 -1 0 200 0");
        assert_eq!(Matrix::scaling(0.0, 1.0).inverse(), None);
        assert_eq!(TransferFunction::read("0 0 1"), None);
        assert_eq!(TransferFunction::default().value_at(0.5), None);
    }

    proptest! {
        #[test]
        fn the_way_back_leads_back(
            numbers in prop::array::uniform6(-8_i32..8),
            point in prop::array::uniform2(-100_i32..100),
        ) {
            let matrix = Matrix(numbers.map(f64::from));
            let point = point.map(f64::from);
            if let Some(back) = matrix.inverse() {
                let there = matrix.then(back).apply(point);
                prop_assert!((there[0] - point[0]).abs() < 1e-6 && (there[1] - point[1]).abs() < 1e-6);
            }
            let two = matrix.then(Matrix::translation([3.0, 4.0]));
            let [x, y] = matrix.apply(point);
            prop_assert!((two.apply(point)[0] - x - 3.0).abs() < 1e-6 && (two.apply(point)[1] - y - 4.0).abs() < 1e-6);
            prop_assert_eq!(Matrix::read(&matrix.write()), Some(matrix));
        }
    }
}
