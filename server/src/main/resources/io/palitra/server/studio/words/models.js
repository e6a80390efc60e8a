export default {
    en: {
        'models.about': 'What this server draws, judges and reads with.', 'models.search': 'Search', 'models.kind': 'Kind', 'models.source': 'From', 'models.all': 'All',
        'models.none': 'No model is like that', 'models.none.about': 'Train one, or start the server with --models NAME=PLACE.',
        'models.kind.run': 'Trained model', 'models.kind.paint': 'Paints from words', 'models.kind.vqgan': 'VQGAN', 'models.kind.clip': 'CLIP', 'models.kind.vae': 'Autoencoder', 'models.kind.lora': 'LoRA', 'models.kind.file': 'File',
        'models.source.included': 'comes with the program', 'models.source.run': 'trained here', 'models.source.given': 'given at the start', 'models.source.hub': 'fetched from the hub',
        'models.family': 'Family', 'models.data': 'Data', 'models.size': 'Pictures', 'models.grey': 'grey', 'models.kinds': 'Classes', 'models.kinds.value': { one: '{n} class', other: '{n} classes' },
        'models.steps': 'Steps', 'models.bytes': 'On the disk', 'models.licence': 'Licence', 'models.loaded': 'in memory', 'models.create': 'Draw with it', 'models.walk': 'Walk', 'models.run': 'Its run',
        'models.copy': 'Copy the hash', 'models.copied': 'Copied.', 'models.lora.about': 'Small files that change a painting model. Set a weight and use one in Create.',
        'models.lora.weight': 'Weight of {name}', 'models.lora.use': 'Use in Create', 'models.lora.none': 'No model here paints from words', 'models.pull': 'Fetch a model', 'models.pull.name': 'Name on the Hugging Face hub', 'models.pull.help': 'Such as org/name; only files that the model needs are fetched.',
        'models.pull.do': 'Fetch', 'models.pull.done': 'The model is here.', 'models.pull.off': 'This server fetches nothing from the net. Started with --pull it may.', 'models.pull.bytes': '{done} of {of}',
    },
    ru: {
        'models.about': 'Чем этот сервер рисует, оценивает и читает.', 'models.search': 'Поиск', 'models.kind': 'Вид', 'models.source': 'Откуда', 'models.all': 'Все',
        'models.none': 'Таких моделей нет', 'models.none.about': 'Обучите модель или запустите сервер с --models ИМЯ=МЕСТО.',
        'models.kind.run': 'Обученная модель', 'models.kind.paint': 'Рисует по словам', 'models.kind.vqgan': 'VQGAN', 'models.kind.clip': 'CLIP', 'models.kind.vae': 'Автокодировщик', 'models.kind.lora': 'LoRA', 'models.kind.file': 'Файл',
        'models.source.included': 'идёт с программой', 'models.source.run': 'обучена здесь', 'models.source.given': 'дана при запуске', 'models.source.hub': 'скачана с Hugging Face',
        'models.family': 'Семейство', 'models.data': 'Данные', 'models.size': 'Картинки', 'models.grey': 'серые', 'models.kinds': 'Классы', 'models.kinds.value': { one: '{n} класс', few: '{n} класса', many: '{n} классов', other: '{n} класса' },
        'models.steps': 'Шаги', 'models.bytes': 'На диске', 'models.licence': 'Лицензия', 'models.loaded': 'в памяти', 'models.create': 'Рисовать ею', 'models.walk': 'Прогулка', 'models.run': 'Её прогон',
        'models.copy': 'Скопировать хеш', 'models.copied': 'Скопировано.', 'models.lora.about': 'Небольшие файлы, которые меняют рисующую модель. Задайте вес и используйте в «Создать».',
        'models.lora.weight': 'Вес {name}', 'models.lora.use': 'В «Создать»', 'models.lora.none': 'Здесь нет модели, которая рисует по словам', 'models.pull': 'Скачать модель', 'models.pull.name': 'Имя на Hugging Face', 'models.pull.help': 'Например org/name; скачиваются только нужные модели файлы.',
        'models.pull.do': 'Скачать', 'models.pull.done': 'Модель здесь.', 'models.pull.off': 'Этот сервер ничего не скачивает из сети. С --pull он может.', 'models.pull.bytes': '{done} из {of}',
    },
};
