//! An encoder and a decoder by short names.

use sumun_formats::{Tensor, Tensors};
use sumun_nn::interchange::of_weights;

use crate::{integers, tensor, tensors};

fn weights() -> Vec<(&'static str, Tensor)> {
    vec![
        ("enc_emb", tensor(&[5, 4], 1)),
        ("enc_w_ih", tensor(&[9, 4], 2)),
        ("enc_w_hh", tensor(&[9, 3], 3)),
        ("enc_b_ih", tensor(&[9], 4)),
        ("enc_b_hh", tensor(&[9], 5)),
        ("dec_emb", tensor(&[6, 2], 6)),
        ("dec_w_ih", tensor(&[9, 2], 7)),
        ("dec_w_hh", tensor(&[9, 3], 8)),
        ("dec_b_ih", tensor(&[9], 9)),
        ("dec_b_hh", tensor(&[9], 10)),
        ("fc_w", tensor(&[6, 3], 11)),
        ("fc_b", tensor(&[6], 12)),
    ]
}

/// A step of PyTorch's GRU, as its documentation has it.
fn gru(x: &[f32], h: &[f32], half: &str, of: &Tensors) -> Vec<f32> {
    let values = |leaf: &str| of.get(&format!("{half}_{leaf}")).unwrap().to_f32().unwrap();
    let product = |w: &[f32], x: &[f32], b: &[f32]| -> Vec<f32> {
        let rows = w.chunks_exact(x.len()).zip(b);
        rows.map(|(row, b)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + b).collect()
    };
    let i = product(&values("w_ih"), x, &values("b_ih"));
    let g = product(&values("w_hh"), h, &values("b_hh"));
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    (0..3)
        .map(|k| {
            let (r, z) = (sigmoid(i[k] + g[k]), sigmoid(i[3 + k] + g[3 + k]));
            let n = (i[6 + k] + r * g[6 + k]).tanh();
            (1.0 - z) * n + z * h[k]
        })
        .collect()
}

#[test]
fn an_encoder_hands_its_last_state_to_a_decoder() {
    let file = tensors(&weights());
    let import = of_weights(&file).unwrap();
    assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["enc_emb", "enc", "dec_emb", "dec", "fc"]);
    let (source, target) = ([3, 0, 4], [2, 5]);
    let inputs = tensors(&[("source", integers(&[1, 3], &source)), ("target", integers(&[1, 2], &target))]);
    let got = import.apply(&inputs, &Tensors::new()).unwrap();
    let row = |table: &str, width: usize, id: i64| {
        let values = file.get(table).unwrap().to_f32().unwrap();
        values[id as usize * width..][..width].to_vec()
    };
    let mut h = vec![0.0; 3];
    source.iter().for_each(|&id| h = gru(&row("enc_emb", 4, id), &h, "enc", &file));
    let close = |name: &str, want: &[f32]| {
        let got = got.get(name).unwrap().to_f32().unwrap();
        assert_eq!(got.len(), want.len());
        got.iter().zip(want).for_each(|(g, w)| assert!((g - w).abs() < 1e-5, "{name}: {g}, not {w}"));
    };
    close("h_n.enc", &h);
    let (head, bias) =
        (file.get("fc_w").unwrap().to_f32().unwrap(), file.get("fc_b").unwrap().to_f32().unwrap());
    let mut logits = Vec::new();
    for &id in &target {
        h = gru(&row("dec_emb", 2, id), &h, "dec", &file);
        logits.extend((0..6).map(|o| (0..3).map(|k| head[o * 3 + k] * h[k]).sum::<f32>() + bias[o]));
    }
    close("output", &logits);
    close("h_n.dec", &h);
}

#[test]
fn halves_that_do_not_fit_are_named() {
    let error = |name: &str, shape: &[usize]| {
        let mut all = weights();
        all.retain(|(other, _)| *other != name);
        all.push((Box::leak(name.to_owned().into_boxed_str()), tensor(shape, 3)));
        of_weights(&tensors(&all)).unwrap_err().to_string()
    };
    assert_eq!(
        error("enc_w_hh", &[8, 3]),
        "'enc' is no recurrent layer: it has weight_ih_l0 [9, 4], weight_hh_l0 [8, 3], bias_ih_l0 [9], bias_hh_l0 [9]"
    );
    assert_eq!(error("fc_w", &[6, 2]), "'fc_w' [6, 2] does not fit the 3 units of the decoder");
    assert_eq!(
        error("more", &[2]),
        "has 'more' [2] beside an encoder and a decoder; no layer can be told from its name: give the architecture"
    );
}
