// Names of settings for people. A setting that is not here is called by its key.
export default {
    en: {
        'key.temperature': 'Temperature', 'key.truncation': 'Truncation', 'key.guidance': 'Guidance', 'key.guidanceRescale': 'Guidance rescale', 'key.steps': 'Steps',
        'key.sampler': 'Sampler', 'key.seed': 'Seed', 'key.n': 'Pictures', 'key.width': 'Width', 'key.height': 'Height', 'key.negative': 'Not in the picture',
        'key.prompt': 'Words', 'key.candidates': 'Drawn, to choose from', 'key.label': 'Class', 'key.size': 'Size', 'key.scale': 'Enlarged', 'key.topK': 'Top K',
        'key.topP': 'Top P', 'key.clip': 'CLIP', 'key.model': 'Model', 'key.strength': 'Strength', 'key.maskBlur': 'Soft edge of the mask', 'key.eta': 'Fresh noise',
        'key.clipSkip': 'Layers of CLIP skipped', 'key.spacing': 'Spacing of steps', 'key.rho': 'Rho', 'key.solver': 'Solver', 'key.order': 'Order',
        'key.langevin': 'Chain', 'key.stepSize': 'Step size', 'key.noise': 'Noise', 'key.lora': 'LoRA',
        'key.iterations': 'Iterations', 'key.texts': 'Texts', 'key.cutouts': 'Cutouts', 'key.keep': 'Kept', 'key.precision': 'Precision',
        'key.length': 'Length', 'key.repetition': 'Penalty for repetition', 'key.stop': 'Stop at', 'key.ends': 'It ends where it ends', 'key.bars': 'Bars drawn anew',
    },
    ru: {
        'key.temperature': 'Температура', 'key.truncation': 'Усечение', 'key.guidance': 'Сила указаний', 'key.guidanceRescale': 'Смягчение указаний', 'key.steps': 'Шаги',
        'key.sampler': 'Сэмплер', 'key.seed': 'Зерно', 'key.n': 'Картинки', 'key.width': 'Ширина', 'key.height': 'Высота', 'key.negative': 'Чего не должно быть',
        'key.prompt': 'Слова', 'key.candidates': 'Рисуется на выбор', 'key.label': 'Класс', 'key.size': 'Размер', 'key.scale': 'Увеличение', 'key.topK': 'Top K',
        'key.topP': 'Top P', 'key.clip': 'CLIP', 'key.model': 'Модель', 'key.strength': 'Сила изменения', 'key.maskBlur': 'Мягкий край маски', 'key.eta': 'Свежий шум',
        'key.clipSkip': 'Пропуск слоёв CLIP', 'key.spacing': 'Расстановка шагов', 'key.rho': 'Ро', 'key.solver': 'Решатель', 'key.order': 'Порядок',
        'key.langevin': 'Цепь', 'key.stepSize': 'Размер шага', 'key.noise': 'Шум', 'key.lora': 'LoRA',
        'key.iterations': 'Итерации', 'key.texts': 'Тексты', 'key.cutouts': 'Вырезки', 'key.keep': 'Оставить', 'key.precision': 'Точность',
        'key.length': 'Длина', 'key.repetition': 'Штраф за повторы', 'key.stop': 'Остановиться на', 'key.ends': 'Кончается там, где кончается', 'key.bars': 'Такты заново',
    },
};
