//! A white sheet with lines, dots and words, in pixels with fractions; the svg backend of plotters does the writing.
//!
//! The backend has whole-number coordinates only, so the sheet is drawn ten times too large and shown through a smaller
//! window. Words stay words (`<text>`), so that they can be searched and restyled.

use plotters::backend::DrawingBackend;
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle};

use crate::output::svg::trace::Spot;

/// Finer than a pixel.
const FINE: f64 = 10.0;

/// Colour as red, green, blue.
pub type Colour = (u8, u8, u8);

/// Where words stand relative to their position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// Begins there.
    Left,
    /// Its middle is there.
    Middle,
    /// Ends there.
    Right,
    /// Its middle is there, and it reads upwards.
    Upwards,
}

/// Size and weight of words.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Face {
    /// Pixels.
    pub size: f64,
    /// Whether it is bold.
    pub bold: bool,
    /// Its colour.
    pub colour: Colour,
}

/// A rectangle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Frame {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Frame {
    /// Right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Whether a point lies in it.
    pub fn contains(&self, (x, y): Spot) -> bool {
        (self.left..=self.right()).contains(&x) && (self.top..=self.bottom()).contains(&y)
    }
}

/// Draws a page of `width` by `height` pixels and gives the text of the svg file.
pub fn page(width: f64, height: f64, draw: impl FnOnce(&mut Canvas)) -> String {
    let mut text = String::new();
    let backend = SVGBackend::with_string(&mut text, ((width * FINE) as u32, (height * FINE) as u32));
    let mut canvas = Canvas { backend, pictures: String::new() };
    let white = ShapeStyle { color: RGBColor(255, 255, 255).into(), filled: true, stroke_width: 0 };
    let corner = ((width * FINE) as i32, (height * FINE) as i32);
    // Writing to a String cannot fail; so for all drawing below.
    let _ = canvas.backend.draw_rect((0, 0), corner, &white, true);
    draw(&mut canvas);
    let _ = canvas.backend.present();
    let pictures = std::mem::take(&mut canvas.pictures);
    drop(canvas);
    let size = |s: f64| format!("{}", (s * FINE) as u32);
    let large = format!("width=\"{}\" height=\"{}\"", size(width), size(height));
    let small = format!("width=\"{width}\" height=\"{height}\"");
    // The backend knows no pictures: they stand at the end, above everything else.
    if let Some(end) = text.rfind("</svg>").filter(|_| !pictures.is_empty()) {
        text.insert_str(end, &pictures);
    }
    text.replacen(&large, &format!("{small} stroke-linejoin=\"round\" stroke-linecap=\"round\""), 1)
}

/// The sheet.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
    pictures: String,
}

fn fine(spot: Spot) -> (i32, i32) {
    ((spot.0 * FINE).round() as i32, (spot.1 * FINE).round() as i32)
}

fn stroke(colour: Colour, width: f64) -> ShapeStyle {
    let color = RGBColor(colour.0, colour.1, colour.2).into();
    ShapeStyle { color, filled: false, stroke_width: (width * FINE).round() as u32 }
}

impl Canvas<'_> {
    /// A straight line.
    pub fn line(&mut self, from: Spot, to: Spot, colour: Colour, width: f64) {
        let _ = self.backend.draw_line(fine(from), fine(to), &stroke(colour, width));
    }

    /// A line through all points, cut at the edges of `frame`.
    pub fn path(&mut self, spots: &[Spot], frame: &Frame, colour: Colour, width: f64) {
        for piece in clip(spots, frame) {
            let mut points: Vec<(i32, i32)> = piece.into_iter().map(fine).collect();
            points.dedup();
            // A line that shrank to a point would vanish.
            if let &[(x, y)] = points.as_slice() {
                points.push((x + 1, y));
            }
            let _ = self.backend.draw_path(points, &stroke(colour, width));
        }
    }

    /// The outline of a rectangle.
    pub fn outline(&mut self, frame: &Frame, colour: Colour, width: f64) {
        let (a, b) = (fine((frame.left, frame.top)), fine((frame.right(), frame.bottom())));
        let corners = [a, (b.0, a.1), b, (a.0, b.1), a];
        let _ = self.backend.draw_path(corners, &stroke(colour, width));
    }

    /// A filled rectangle.
    pub fn fill(&mut self, frame: &Frame, colour: Colour) {
        let style = ShapeStyle { filled: true, ..stroke(colour, 0.0) };
        let (a, b) = (fine((frame.left, frame.top)), fine((frame.right(), frame.bottom())));
        let _ = self.backend.draw_rect(a, b, &style, true);
    }

    /// A picture that fills a rectangle, by its address.
    pub fn picture(&mut self, frame: &Frame, address: &str) {
        let (a, b) = (fine((frame.left, frame.top)), fine((frame.right(), frame.bottom())));
        let place = format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", a.0, a.1, b.0 - a.0, b.1 - a.1);
        let sharp = "preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\"";
        self.pictures.push_str(&format!("<image {place} {sharp} href=\"{address}\"/>\n"));
    }

    /// A filled disc, if its centre lies in `frame`.
    pub fn dot(&mut self, spot: Spot, frame: &Frame, colour: Colour, radius: f64) {
        if frame.contains(spot) {
            let style = ShapeStyle { filled: true, ..stroke(colour, 0.0) };
            let _ = self.backend.draw_circle(fine(spot), (radius * FINE) as u32, &style, true);
        }
    }

    /// Words.
    pub fn words(&mut self, text: &str, spot: Spot, anchor: Anchor, face: Face) {
        let style = if face.bold { FontStyle::Bold } else { FontStyle::Normal };
        // The backend divides sizes by 1.24.
        let font = FontDesc::new(FontFamily::Name("Helvetica, Arial, sans-serif"), face.size * FINE * 1.24, style);
        let font = if anchor == Anchor::Upwards { font.transform(FontTransform::Rotate270) } else { font };
        let side = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Right => HPos::Right,
            Anchor::Middle | Anchor::Upwards => HPos::Center,
        };
        let colour = RGBColor(face.colour.0, face.colour.1, face.colour.2);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Center));
        let _ = self.backend.draw_text(text, &style, fine(spot));
    }
}

/// About how wide words are, by the wide sans-serif fonts that stand in where there is no Helvetica.
pub fn width_of(text: &str, size: f64) -> f64 {
    let share = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | '(' | ')' | ' ' | '\'' | 't' | 'f' | '[' | ']' | 'r' | '-' => 0.4,
        'm' | 'M' | 'W' | '%' => 0.97,
        'w' | '=' | '+' | '<' | '>' => 0.84,
        c if c.is_uppercase() => 0.74,
        _ => 0.63,
    };
    text.chars().map(share).sum::<f64>() * size
}

/// The pieces of a line inside a frame (Liang and Barsky 1984).
pub fn clip(spots: &[Spot], frame: &Frame) -> Vec<Vec<Spot>> {
    let mut pieces: Vec<Vec<Spot>> = Vec::new();
    let mut connected = false;
    for pair in spots.windows(2) {
        let Some((a, b)) = clip_segment(pair[0], pair[1], frame) else {
            connected = false;
            continue;
        };
        match pieces.last_mut() {
            Some(piece) if connected && a == pair[0] => piece.push(b),
            _ => pieces.push(vec![a, b]),
        }
        connected = b == pair[1];
    }
    pieces
}

fn clip_segment(a: Spot, b: Spot, frame: &Frame) -> Option<(Spot, Spot)> {
    if frame.contains(a) && frame.contains(b) {
        return Some((a, b));
    }
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let edges = [(-dx, a.0 - frame.left), (dx, frame.right() - a.0), (-dy, a.1 - frame.top), (dy, frame.bottom() - a.1)];
    for (p, q) in edges {
        if p == 0.0 {
            if q < 0.0 {
                return None;
            }
        } else if p < 0.0 {
            enter = enter.max(q / p);
        } else {
            leave = leave.min(q / p);
        }
    }
    let at = |w: f64| {
        if w == 0.0 {
            a
        } else if w == 1.0 {
            b
        } else {
            (a.0 + w * dx, a.1 + w * dy)
        }
    };
    (enter <= leave).then(|| (at(enter), at(leave)))
}
