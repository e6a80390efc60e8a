export default {
    en: {
        'dream.about': 'A picture that moves towards your words, step by step, and the film of how it went.', 'dream.none.title': 'Nothing here dreams yet',
        'dream.none': 'A dream needs two models, one that makes pictures of codes (vqgan) and one that compares them with words (clip); this server has not both.', 'dream.none.go': 'See the models',
        'dream.texts': 'What it is to become', 'dream.placeholder': 'a red circle on grass:1 | night:0.3', 'dream.texts.help': 'Several, with weights: words:1 | other words:0.5. A weight below zero leads away.',
        'dream.vqgan': 'VQGAN', 'dream.random': 'Random', 'dream.fixed': 'Fixed', 'dream.seed': 'Number', 'dream.go': 'Dream', 'dream.pictures': 'Pictures to begin with and to resemble',
        'dream.image': 'Begins with', 'dream.image.help': 'A picture to begin with, else noise', 'dream.targets': 'Is to resemble', 'dream.targets.help': 'A picture to resemble', 'dream.weight': 'Weight', 'dream.remove': 'Remove',
        'dream.empty.title': 'Nothing is dreamt yet', 'dream.empty': 'Frames appear here as they come.', 'dream.frame': 'Frame', 'dream.film': 'Film', 'dream.open': 'Open', 'dream.forget': 'Clear', 'dream.lost': 'The picture of these settings is no longer here.',
        'key.display': 'Frame every … iterations', 'key.lr': 'Step size', 'key.cutPower': 'Power of the cutouts', 'key.batch': 'Cutouts at once', 'key.optimizer': 'Optimiser', 'key.coarser': 'Coarser grids', 'key.average': 'Average', 'key.initWeight': 'Held where it began', 'key.phase': 'Iterations of a phase',
    },
    ru: {
        'dream.about': 'Картинка шаг за шагом движется к вашим словам, и фильм о том, как это было.', 'dream.none.title': 'Видеть сны пока нечем',
        'dream.none': 'Для сна нужны две модели: та, что делает картинки из кодов (vqgan), и та, что сравнивает их со словами (clip); обеих здесь нет.', 'dream.none.go': 'Посмотреть модели',
        'dream.texts': 'Чем она станет', 'dream.placeholder': 'красный круг на траве:1 | ночь:0.3', 'dream.texts.help': 'Можно несколько, с весами: слова:1 | другие слова:0.5. Вес меньше нуля уводит прочь.',
        'dream.vqgan': 'VQGAN', 'dream.random': 'Случайное', 'dream.fixed': 'Заданное', 'dream.seed': 'Число', 'dream.go': 'Увидеть сон', 'dream.pictures': 'Картинки: с чего начать и на что походить',
        'dream.image': 'Начать с', 'dream.image.help': 'Картинка для начала, иначе шум', 'dream.targets': 'Походить на', 'dream.targets.help': 'Картинка, на которую походить', 'dream.weight': 'Вес', 'dream.remove': 'Убрать',
        'dream.empty.title': 'Снов ещё не было', 'dream.empty': 'Кадры появятся здесь по мере готовности.', 'dream.frame': 'Кадр', 'dream.film': 'Фильм', 'dream.open': 'Открыть', 'dream.forget': 'Убрать', 'dream.lost': 'Картинки этих настроек здесь больше нет.',
        'key.display': 'Кадр каждые … итераций', 'key.lr': 'Размер шага', 'key.cutPower': 'Степень вырезок', 'key.batch': 'Вырезок сразу', 'key.optimizer': 'Оптимизатор', 'key.coarser': 'Грубые сетки', 'key.average': 'Усреднение', 'key.initWeight': 'Удержание у начала', 'key.phase': 'Итераций в фазе',
    },
};
