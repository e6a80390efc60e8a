// Words of the curves of runs, which several pages show.
export default {
    en: {
        'curves.metric': 'Curve', 'curves.losses': 'All losses', 'curves.parts': 'Parts and figures', 'curves.smoothing': 'Smoothing',
        'curves.log': 'Log axis', 'curves.epochs': 'By epochs', 'curves.none': 'There are no figures yet.', 'curves.test': 'test',
        'curves.last': 'Last values', 'curves.at.step': 'At step {n}', 'curves.at.epoch': 'At epoch {n}',
        'curves.picture': { one: 'A chart of {n} curve; its values are listed below', other: 'A chart of {n} curves; their values are listed below' },
    },
    ru: {
        'curves.metric': 'Кривая', 'curves.losses': 'Все потери', 'curves.parts': 'Части и показатели', 'curves.smoothing': 'Сглаживание',
        'curves.log': 'Лог. ось', 'curves.epochs': 'По эпохам', 'curves.none': 'Показателей пока нет.', 'curves.test': 'тест',
        'curves.last': 'Последние значения', 'curves.at.step': 'На шаге {n}', 'curves.at.epoch': 'На эпохе {n}',
        'curves.picture': { one: 'График, {n} кривая; значения перечислены ниже', few: 'График, {n} кривые; значения перечислены ниже',
            many: 'График, {n} кривых; значения перечислены ниже', other: 'График, {n} кривых; значения перечислены ниже' },
    },
};
