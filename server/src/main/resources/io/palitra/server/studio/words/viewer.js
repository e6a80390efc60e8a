export default {
    en: {
        'viewer.label': 'Picture', 'viewer.back': 'The one before', 'viewer.next': 'The next one', 'viewer.of': '{at} of {n}', 'viewer.use': 'Use these settings', 'viewer.save': 'Save',
        'viewer.edit': 'Edit', 'viewer.made': 'Made', 'viewer.copy': 'Copy the settings', 'viewer.copied': 'Copied', 'viewer.notcopied': 'The browser does not let this page copy.',
    },
    ru: {
        'viewer.label': 'Картинка', 'viewer.back': 'Предыдущая', 'viewer.next': 'Следующая', 'viewer.of': '{at} из {n}', 'viewer.use': 'Взять эти настройки', 'viewer.save': 'Сохранить',
        'viewer.edit': 'Править', 'viewer.made': 'Сделано', 'viewer.copy': 'Скопировать настройки', 'viewer.copied': 'Скопировано', 'viewer.notcopied': 'Браузер не даёт странице копировать.',
    },
};
