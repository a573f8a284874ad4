//! From marks to the text of SVG, without knowing of studies.

/// A drawing.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it shows, its accessible name.
    pub title: String,
    body: String,
}

impl Figure {
    /// One of this title with these elements on a field of 640 by 360.
    pub fn new(title: String, body: String) -> Self {
        Self { title, body }
    }

    /// A complete `<svg>` element.
    pub fn svg(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 360\" role=\"img\"><title>{}</title>{}</svg>",
            self.title, self.body
        )
    }
}
