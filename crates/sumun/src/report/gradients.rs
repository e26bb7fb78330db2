//! A picture of how gradients vanish or explode in backpropagation through time.

use super::picture::Picture;

/// Gradient norms against the distance in time, one line a layer or network, on a logarithmic scale: a whole SVG document.
///
/// Each line is a name and the norm at 0, 1, 2 … steps before the end, as
/// [`StateGradients::norms`](crate::nn::StateGradients::norms) gives it. A straight line downwards is a gradient that
/// vanishes exponentially (Hochreiter 1991; Bengio, Simard & Frasconi 1994). Norms of 0, and those that are not finite,
/// are left out.
pub fn gradient_norms_picture(lines: &[(&str, &[f64])]) -> String {
    let picture = Picture::new("Gradient norm against distance in time", "steps before the end", "‖dL/dh‖");
    let with = |picture: Picture, (name, norms): &(&str, &[f64])| {
        picture.line(name, norms.iter().enumerate().map(|(distance, &norm)| (distance as f64, norm)))
    };
    lines.iter().fold(picture.logarithmic().whole(), with).svg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::check::well_formed;

    #[test]
    fn is_a_document_of_its_own_with_every_name() {
        let falling: Vec<f64> = (0..30).map(|t| 0.5_f64.powi(t)).collect();
        let picture =
            gradient_norms_picture(&[("RNN <tanh>", &falling), ("LSTM", &[1.0, 0.9, f64::NAN, 0.0])]);
        assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{picture}");
        well_formed(&picture).unwrap();
        for part in ["RNN &lt;tanh&gt;", "LSTM", "steps before the end", "<style>", "<path"] {
            assert!(picture.contains(part), "{part}");
        }
        assert!(!picture.contains("NaN") && gradient_norms_picture(&[]).contains("<svg"));
    }
}
