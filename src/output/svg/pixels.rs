//! Fields of many cells as one picture: a pixel for each cell, in a PNG inside of the svg file.
//!
//! A rectangle takes a hundred bytes of text, a pixel about one. Viewers are told not to blur.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::output::svg::canvas::Colour;

/// Cells from which a field is a picture.
pub const MANY: usize = 4096;

/// A picture of `across` by `down` cells, row by row from the top; `None` is transparent. As an address of data for `<image>`.
pub fn address(across: usize, down: usize, cells: &[Option<Colour>]) -> Option<String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(across).ok()?, u32::try_from(down).ok()?);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    let pixel = |cell: &Option<Colour>| cell.map_or([0; 4], |(r, g, b)| [r, g, b, 255]);
    let data: Vec<u8> = cells.iter().flat_map(pixel).collect();
    writer.write_image_data(&data).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}
