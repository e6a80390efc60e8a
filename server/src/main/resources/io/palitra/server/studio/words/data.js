export default {
    en: {
        'data.about': 'What models learn from: items, classes, and files that could not be read.', 'data.none': 'There are no data sets', 'data.set': 'Data set', 'data.split': 'Part',
        'data.split.train': 'Training', 'data.split.test': 'Test', 'data.here': 'Ready', 'data.away': 'Not on this machine', 'data.not.here': '{name} is not on this machine', 'data.get': 'Whoever runs the server gets it by',
        'data.reading': 'Reading the data…', 'data.no.class': 'no class', 'data.item': 'Item {n}: {label}', 'data.item.plain': 'Item {n}', 'data.items': 'Items of {name}', 'data.all': 'All', 'data.classes': 'Classes', 'data.grey': 'grey', 'data.empty': 'It has no items',
        'data.size': { one: '{n} item', other: '{n} items' }, 'data.broken': { one: '{n} note about the data', other: '{n} notes about the data' }, 'data.before': 'The one before', 'data.next': 'The next', 'data.at': '{n} of {of}',
    },
    ru: {
        'data.about': 'На чём учатся модели: примеры, классы и файлы, которые не удалось прочесть.', 'data.none': 'Наборов данных нет', 'data.set': 'Набор данных', 'data.split': 'Часть',
        'data.split.train': 'Обучающая', 'data.split.test': 'Тестовая', 'data.here': 'Готовы', 'data.away': 'Нет на этой машине', 'data.not.here': '{name}: на этой машине нет', 'data.get': 'Получает тот, кто запускает сервер:',
        'data.reading': 'Чтение данных…', 'data.no.class': 'без класса', 'data.item': 'Пример {n}: {label}', 'data.item.plain': 'Пример {n}', 'data.items': 'Примеры {name}', 'data.all': 'Все', 'data.classes': 'Классы', 'data.grey': 'серые', 'data.empty': 'Примеров нет',
        'data.size': { one: '{n} пример', few: '{n} примера', many: '{n} примеров', other: '{n} примера' }, 'data.broken': { one: '{n} замечание о данных', few: '{n} замечания о данных', many: '{n} замечаний о данных', other: '{n} замечания о данных' },
        'data.before': 'Предыдущий', 'data.next': 'Следующий', 'data.at': '{n} из {of}',
    },
};
