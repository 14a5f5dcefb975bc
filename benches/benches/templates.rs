//! Criterion benchmarks of Jinja2 templates: 200 generated ones with the sizes of SlapOS's, for the
//! first time and again.

use std::hint::black_box;

use buildout_benches::templates::{CONTEXT, generate, read_context, rendering};
use buildout_recipes::jinja2::{NativeEngine, Rendering, TemplateEngine as _};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn renderings() -> Vec<Rendering> {
    let context = read_context(CONTEXT).expect("the context is a dict");
    let templates = generate(200, 1);
    let renderings = templates
        .iter()
        .map(|source| rendering("template", source, &context));
    renderings.collect()
}

fn render_all(engine: &NativeEngine, renderings: &[Rendering]) {
    for rendering in renderings {
        black_box(
            engine
                .render(rendering)
                .expect("a generated template renders"),
        );
    }
}

fn templates(criterion: &mut Criterion) {
    let renderings = renderings();
    let mut group = criterion.benchmark_group("200 templates");
    let bytes = renderings
        .iter()
        .map(|rendering| rendering.source.len() as u64);
    group.throughput(Throughput::Bytes(bytes.sum()));
    group.bench_function("first", |bencher| {
        bencher.iter_batched(
            NativeEngine::default,
            |engine| render_all(&engine, &renderings),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("again", |bencher| {
        let engine = NativeEngine::default();
        render_all(&engine, &renderings);
        bencher.iter(|| render_all(&engine, &renderings));
    });
    group.finish();
}

criterion_group!(benches, templates);
criterion_main!(benches);
