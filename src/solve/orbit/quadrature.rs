//! Mean of a vector function of time over a period that is smooth between corners.
//!
//! Adaptive bisection with the pair of Gauss (7 points) and Kronrod (15 points); nodes never lie on the ends of a piece, so
//! that each piece sees the sources on its own side of a corner. Abscissae and weights: QUADPACK (Piessens and others, 1983).

/// A stretch of time and how long it counts, s: the flat parts of a square wave take over the time of its edges.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Piece {
    /// Start, s.
    pub from: f64,
    /// End, s.
    pub to: f64,
    /// Its share of the period.
    pub weight: f64,
}

const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_55,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];
/// Of the nodes with odd numbers.
const GAUSS: [f64; 4] = [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];
/// Error allowed, relative to the mean of the absolute values.
const TOLERANCE: f64 = 1e-13;
/// Bisections of one piece.
const DEPTH: u32 = 40;

/// The function: fills its second argument at a time; false if it cannot.
pub type Integrand<'f> = dyn FnMut(f64, &mut [f64]) -> bool + 'f;

struct Sums {
    kronrod: Vec<f64>,
    error: f64,
    size: f64,
}

/// The mean of the first `counted` and all other components over the pieces; only the first decide where it is refined.
/// `None` if the function gives up.
pub fn mean(pieces: &[Piece], size: usize, counted: usize, f: &mut Integrand) -> Option<Vec<f64>> {
    let mut open: Vec<(Piece, Sums, u32)> = Vec::new();
    for piece in pieces {
        open.push((*piece, rule(piece, size, counted, f)?, 0));
    }
    let mut total = vec![0.0; size];
    let mut scale: f64 = open.iter().map(|p| p.1.size).sum();
    let mut done = 0.0;
    while let Some((piece, sums, depth)) = open.pop() {
        if sums.error <= TOLERANCE * scale * piece.weight.max(1e-3) || depth >= DEPTH {
            total.iter_mut().zip(&sums.kronrod).for_each(|(t, s)| *t += s);
            done += sums.size;
            continue;
        }
        let middle = 0.5 * (piece.from + piece.to);
        for half in [Piece { to: middle, ..piece }, Piece { from: middle, ..piece }] {
            let half = Piece { weight: 0.5 * piece.weight, ..half };
            let sums = rule(&half, size, counted, f)?;
            open.push((half, sums, depth + 1));
        }
        // Peaks come into sight only when pieces are short.
        scale = scale.max(done + open.iter().map(|p| p.1.size).sum::<f64>());
    }
    Some(total)
}

/// One piece by both rules.
fn rule(piece: &Piece, size: usize, counted: usize, f: &mut Integrand) -> Option<Sums> {
    let (middle, half) = (0.5 * (piece.from + piece.to), 0.5 * (piece.to - piece.from));
    let mut value = vec![0.0; size];
    let mut sums = Sums { kronrod: vec![0.0; size], error: 0.0, size: 0.0 };
    let mut gauss = vec![0.0; counted];
    for (k, (node, weight)) in NODES.iter().zip(KRONROD).enumerate() {
        let signs: &[f64] = if *node == 0.0 { &[1.0] } else { &[-1.0, 1.0] };
        for sign in signs {
            if !f(middle + sign * node * half, &mut value) {
                return None;
            }
            let weight = 0.5 * weight * piece.weight;
            sums.kronrod.iter_mut().zip(&value).for_each(|(s, v)| *s += weight * v);
            sums.size += weight * value[..counted].iter().map(|v| v.abs()).sum::<f64>();
            if k % 2 == 1 {
                let weight = 0.5 * GAUSS[k / 2] * piece.weight;
                gauss.iter_mut().zip(&value).for_each(|(s, v)| *s += weight * v);
            }
        }
    }
    sums.error = gauss.iter().zip(&sums.kronrod).map(|(g, k)| (g - k).abs()).sum();
    Some(sums)
}
