// Words about one run, which several pages show.
export default {
    en: {
        'run.curves': 'Curves', 'run.gone': 'The run is not here any more.', 'run.overlay': 'Lay other runs over it', 'run.samples': 'Samples', 'run.samples.at': 'Samples at step {n}',
        'run.samples.step': 'Step', 'run.newest': 'Newest', 'run.preview': 'Samples of now', 'run.pictures': 'Other pictures', 'run.texts': 'Other texts', 'run.heard': 'To be heard', 'run.heard.one': 'Sample {n}', 'run.step': 'Step {n} of {of}',
        'run.stop': 'Stop and save', 'run.whole': 'Finished, {n} steps', 'run.part': 'Ended at step {n} of {of}', 'run.at': 'At step {n}',
        'run.collapse': 'The samples are collapsing.', 'run.collapse.about': 'They look more and more alike. Stop it, and try another learning rate, spectralNorm or minibatchStddev.',
        'run.collapse.over': 'The samples had collapsed, and differ again.', 'run.notes': 'What the trainer noted', 'run.until': 'Train until step', 'run.resume': 'Train on',
        'run.picture.samples': 'Samples', 'run.picture.reconstructions': 'Test items above what the model makes of them',
        'run.picture.closest': 'Samples above the training items nearest to them; equal pairs would be copies', 'run.picture.map': 'Test items by their codes',
        'run.picture.decoded': 'What lies where on the map', 'run.picture.interpolate': 'From one sample to another',
    },
    ru: {
        'run.curves': 'Кривые', 'run.gone': 'Этого прогона здесь больше нет.', 'run.overlay': 'Наложить другие прогоны', 'run.samples': 'Образцы', 'run.samples.at': 'Образцы на шаге {n}',
        'run.samples.step': 'Шаг', 'run.newest': 'Новейшие', 'run.preview': 'Образцы сейчас', 'run.pictures': 'Другие картинки', 'run.texts': 'Другие тексты', 'run.heard': 'Послушать', 'run.heard.one': 'Образец {n}', 'run.step': 'Шаг {n} из {of}',
        'run.stop': 'Остановить и сохранить', 'run.whole': 'Закончен, шагов: {n}', 'run.part': 'Остановлен на шаге {n} из {of}', 'run.at': 'На шаге {n}',
        'run.collapse': 'Образцы схлопываются.', 'run.collapse.about': 'Они всё больше похожи друг на друга. Остановите обучение и попробуйте другую скорость, spectralNorm или minibatchStddev.',
        'run.collapse.over': 'Образцы схлопывались, теперь снова разные.', 'run.notes': 'Замечания обучения', 'run.until': 'Обучать до шага', 'run.resume': 'Продолжить',
        'run.picture.samples': 'Образцы', 'run.picture.reconstructions': 'Тестовые примеры, под ними то, что делает из них модель',
        'run.picture.closest': 'Образцы, под ними ближайшие примеры обучения; одинаковые пары были бы копиями', 'run.picture.map': 'Тестовые примеры по их кодам',
        'run.picture.decoded': 'Что где лежит на карте', 'run.picture.interpolate': 'От образца к образцу',
    },
};
