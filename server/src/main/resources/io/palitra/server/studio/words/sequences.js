// Words about texts and music, which several pages show.
export default {
    en: {
        'written.text': 'Text {n}', 'written.copy': 'Copy text {n}', 'written.on': 'Go on from here', 'written.save': 'Text {n} as .txt',
        'texts.beginning': 'It begins with', 'texts.beginning.help': 'It may be empty. Ctrl and Enter begin to write.', 'texts.holes': 'A text with holes',
        'texts.holes.help': 'Two or more _ are a hole of as many characters. Without any text a whole one is written.', 'texts.free': 'Without a beginning',
        'texts.past': 'Written before', 'texts.none': 'Press the button: the text appears while it is written.',
        'heard.roll': 'Piano roll of {name}', 'heard.notes': 'Notes of {name} as MIDI',
        'music.score': 'A MIDI file of which a part is kept, or none: then all is new.', 'music.score.is': { one: '{name}, {n} bar', other: '{name}, {n} bars' }, 'music.score.choose': 'Choose a .mid', 'music.score.before': 'the score of before',
        'music.score.none': 'Without it', 'music.kept': 'What is kept', 'music.kept.bars': 'The first bars', 'music.bars': 'Bars', 'music.voice.soprano': 'Soprano', 'music.voice.alto': 'Alto',
        'music.voice.tenor': 'Tenor', 'music.voice.bass': 'Bass', 'music.free': 'New pieces', 'music.to': 'Voices to the {voice}', 'music.on': { one: 'What comes after {n} bar', other: 'What comes after {n} bars' },
        'music.preview': 'The pieces so far', 'music.piece': 'piece {n}', 'music.none': 'Press the button: pieces can be seen as rolls, and heard.',
    },
    ru: {
        'written.text': 'Текст {n}', 'written.copy': 'Скопировать текст {n}', 'written.on': 'Писать дальше', 'written.save': 'Текст {n} как .txt',
        'texts.beginning': 'Начинается так', 'texts.beginning.help': 'Может быть пустым. Ctrl и Enter начинают писать.', 'texts.holes': 'Текст с пропусками',
        'texts.holes.help': 'Два и больше _ — пропуск в столько же знаков. Без текста пишется новый целиком.', 'texts.free': 'Без начала',
        'texts.past': 'Написано раньше', 'texts.none': 'Нажмите кнопку: текст появляется, пока пишется.',
        'heard.roll': 'Ноты, {name}', 'heard.notes': 'Ноты, {name}, как MIDI',
        'music.score': 'Файл MIDI, часть которого останется, или никакого: тогда всё новое.', 'music.score.is': { one: '{name}, {n} такт', few: '{name}, {n} такта', many: '{name}, {n} тактов', other: '{name}, {n} такта' },
        'music.score.choose': 'Выбрать .mid', 'music.score.before': 'прежние ноты', 'music.score.none': 'Без него', 'music.kept': 'Что остаётся', 'music.kept.bars': 'Первые такты', 'music.bars': 'Тактов', 'music.voice.soprano': 'Сопрано',
        'music.voice.alto': 'Альт', 'music.voice.tenor': 'Тенор', 'music.voice.bass': 'Бас', 'music.free': 'Новые пьесы', 'music.to': 'Голоса к данному: {voice}',
        'music.on': { one: 'Что после {n} такта', few: 'Что после {n} тактов', many: 'Что после {n} тактов', other: 'Что после {n} такта' }, 'music.preview': 'Пьесы сейчас', 'music.piece': 'пьеса {n}',
        'music.none': 'Нажмите кнопку: пьесы можно увидеть и услышать.',
    },
};
