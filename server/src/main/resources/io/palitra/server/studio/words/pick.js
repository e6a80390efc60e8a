export default {
    en: { 'pick.drop': 'Drop a picture here, or paste it', 'pick.file': 'Choose a file', 'pick.gallery': 'From the gallery', 'pick.empty': 'The gallery is empty.', 'pick.gone': 'The picture cannot be read.' },
    ru: { 'pick.drop': 'Бросьте сюда картинку или вставьте её', 'pick.file': 'Выбрать файл', 'pick.gallery': 'Из галереи', 'pick.empty': 'Галерея пуста.', 'pick.gone': 'Картинку не удалось прочитать.' },
};
