//! Makes small pictures of large ones: a PNG file goes in, a PNG file comes out.

use std::io::Cursor;

use image::imageops::FilterType;
use image::{ImageFormat, ImageReader};
use longshore_sdk::{Bytes, Result, data, flow, permanent};

/// How large a picture is.
#[data]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// Shrinks a PNG file to a width and keeps its proportions. A picture that is small enough keeps its size.
#[flow(timeout = "1m", memory = "512MiB")]
pub fn thumbnail(png: Bytes, width: u32) -> Result<Bytes> {
    if width == 0 {
        return Err(permanent("a picture cannot be 0 pixels wide").into());
    }
    let picture = reader(&png).decode().map_err(permanent)?;
    let small = if width < picture.width() {
        picture.resize(width, u32::MAX, FilterType::Lanczos3)
    } else {
        picture
    };
    let mut bytes = Vec::new();
    small.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    Ok(Bytes::from(bytes))
}

/// Returns the size of a PNG file.
#[flow(timeout = "10s", memory = "128MiB")]
pub fn size(png: Bytes) -> Result<Size> {
    let (width, height) = reader(&png).into_dimensions().map_err(permanent)?;
    Ok(Size { width, height })
}

fn reader(png: &[u8]) -> ImageReader<Cursor<&[u8]>> {
    ImageReader::with_format(Cursor::new(png), ImageFormat::Png)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cat() -> Bytes {
        Bytes::from(&include_bytes!("../chelsea.png")[..])
    }

    #[test]
    fn a_thumbnail_keeps_the_proportions() {
        assert_eq!(size(cat()).unwrap(), Size { width: 451, height: 300 });
        let small = thumbnail(cat(), 120).unwrap();
        assert_eq!(size(small).unwrap(), Size { width: 120, height: 80 });
    }

    #[test]
    fn a_small_picture_is_not_enlarged() {
        let same = thumbnail(cat(), 10_000).unwrap();
        assert_eq!(size(same).unwrap(), size(cat()).unwrap());
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(thumbnail(Bytes::from(&b"no picture"[..]), 120).is_err());
        assert!(thumbnail(cat(), 0).is_err());
    }
}
