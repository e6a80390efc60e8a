export default {
    en: {
        'gallery.total': { one: '{n} picture', other: '{n} pictures' }, 'gallery.search': 'Search in the words', 'gallery.kind': 'Kind', 'gallery.kinds': 'All kinds', 'gallery.models': 'All models',
        'gallery.favourite': 'Favourite', 'gallery.favourites': 'Favourites alone', 'gallery.bin': 'Bin', 'gallery.tobin': 'To the bin', 'gallery.unbin': 'Out of the bin', 'gallery.binned': 'It lies in the bin now.', 'gallery.back': 'It is back.',
        'gallery.bin.empty': 'Empty the bin', 'gallery.bin.sure': 'The pictures in the bin are deleted for good, their files too.', 'gallery.bin.done': { one: '{n} picture was deleted.', other: '{n} pictures were deleted.' },
        'gallery.none.title': 'Nothing was made yet', 'gallery.none': 'Every picture that is made here comes to this page.', 'gallery.none.go': 'Draw the first', 'gallery.nothing.title': 'Nothing found', 'gallery.nothing': 'No picture fits these filters.',
        'gallery.restore': 'Open a picture', 'gallery.restore.help': 'drop a PNG anywhere on this page, and its settings come back', 'gallery.restored': 'What this picture says', 'gallery.program': 'Made by {program}',
        'gallery.nosettings': 'This picture does not say how it was made.', 'gallery.not': 'Not taken over: {names}',
    },
    ru: {
        'gallery.total': { one: '{n} картинка', few: '{n} картинки', many: '{n} картинок', other: '{n} картинки' }, 'gallery.search': 'Поиск по словам', 'gallery.kind': 'Вид', 'gallery.kinds': 'Все виды', 'gallery.models': 'Все модели',
        'gallery.favourite': 'Любимая', 'gallery.favourites': 'Только любимые', 'gallery.bin': 'Корзина', 'gallery.tobin': 'В корзину', 'gallery.unbin': 'Из корзины', 'gallery.binned': 'Теперь она в корзине.', 'gallery.back': 'Она вернулась.',
        'gallery.bin.empty': 'Очистить корзину', 'gallery.bin.sure': 'Картинки из корзины будут удалены навсегда, вместе с файлами.',
        'gallery.bin.done': { one: 'Удалена {n} картинка.', few: 'Удалены {n} картинки.', many: 'Удалено {n} картинок.', other: 'Удалено {n} картинки.' },
        'gallery.none.title': 'Здесь ещё ничего нет', 'gallery.none': 'Сюда попадает каждая картинка, которую вы сделаете.', 'gallery.none.go': 'Нарисовать первую', 'gallery.nothing.title': 'Ничего не нашлось', 'gallery.nothing': 'Под эти фильтры не подходит ни одна картинка.',
        'gallery.restore': 'Открыть картинку', 'gallery.restore.help': 'бросьте PNG в любое место страницы, и его настройки вернутся', 'gallery.restored': 'Что говорит эта картинка', 'gallery.program': 'Сделано программой {program}',
        'gallery.nosettings': 'Эта картинка не говорит, как она сделана.', 'gallery.not': 'Не перенесено: {names}',
    },
};
