//! One step of RODAS: a linearly implicit method of order 4 with an embedded one of order 3, L-stable, for `y' = F(y)`.
//!
//! Takes F at the start, its Jacobian J and the step h; gives y at the end and the error. Six stages
//! `(1/(h gamma) - J) U_i = F(y + sum_j a_ij U_j) + 1/h sum_j c_ij U_j`, of which the first knows F already. Coefficients: Hairer
//! and Wanner, Solving ODEs II, IV.7.

use faer::Mat;
use faer::linalg::solvers::{PartialPivLu, Solve};

const GAMMA: f64 = 0.25;
/// Order of the embedded method plus one: the error goes as `h^EXPONENT`.
pub const EXPONENT: f64 = 4.0;

const A: [&[f64]; 6] = [
    &[],
    &[1.544],
    &[0.946_678_528_081_582_6, 0.255_701_169_898_328_4],
    &[3.314_825_187_068_521, 2.896_124_015_972_201, 0.998_641_913_997_781_7],
    &[1.221_224_509_226_641, 6.019_134_481_288_629, 12.537_083_329_320_87, -0.687_886_036_105_895],
    &[1.221_224_509_226_641, 6.019_134_481_288_629, 12.537_083_329_320_87, -0.687_886_036_105_895, 1.0],
];

const C: [&[f64]; 6] = [
    &[],
    &[-5.668_8],
    &[-2.430_093_356_833_875, -0.206_359_915_709_191_5],
    &[-0.107_352_905_815_137_5, -9.594_562_251_023_355, -20.470_286_148_096_16],
    &[7.496_443_313_967_647, -10.246_804_314_643_52, -33.999_903_528_199_05, 11.708_908_932_061_6],
    &[8.083_246_795_921_522, -7.981_132_988_064_893, -31.521_594_328_743_71, 16.319_305_431_231_36, -6.058_818_238_834_054],
];

/// `y` after a step `h`, and the error of the step; `None` if `rate` gives up.
pub fn step(
    y: &[f64],
    first: &[f64],
    jacobian: &Mat<f64>,
    h: f64,
    rate: &mut dyn FnMut(&[f64]) -> Option<Vec<f64>>,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let n = y.len();
    let matrix = Mat::from_fn(n, n, |i, j| if i == j { 1.0 / (h * GAMMA) } else { 0.0 } - jacobian[(i, j)]);
    let lu = matrix.partial_piv_lu();
    let mut stages: Vec<Vec<f64>> = Vec::with_capacity(6);
    let mut place = y.to_vec();
    for (a, c) in A.iter().zip(&C) {
        place.copy_from_slice(y);
        for (a, u) in a.iter().zip(&stages) {
            place.iter_mut().zip(u).for_each(|(y, u)| *y += a * u);
        }
        let mut right = if stages.is_empty() { first.to_vec() } else { rate(&place)? };
        for (c, u) in c.iter().zip(&stages) {
            right.iter_mut().zip(u).for_each(|(r, u)| *r += c / h * u);
        }
        stages.push(solved(&lu, &right));
    }
    let error = stages.pop()?;
    place.iter_mut().zip(&error).for_each(|(y, e)| *y += e);
    Some((place, error))
}

fn solved(lu: &PartialPivLu<f64>, right: &[f64]) -> Vec<f64> {
    let y = lu.solve(&Mat::from_fn(right.len(), 1, |i, _| right[i]));
    (0..right.len()).map(|i| y[(i, 0)]).collect()
}
