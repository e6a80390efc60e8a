export default {
    en: {
        'system.about': 'What the server holds and does, every two seconds.', 'system.memory': 'Memory', 'system.machine': 'The machine', 'system.process': 'The server', 'system.heap': 'Java’s heap', 'system.native': 'Models, outside of Java',
        'system.queue': 'Queue', 'system.running': 'run', 'system.waiting': 'wait', 'system.most': 'may wait', 'system.models': 'Models in memory', 'system.models.none': 'None. A model is loaded when it is first asked for.',
        'system.versions': 'Versions', 'system.device': 'Device', 'system.processors': 'Processors', 'system.threads': 'Threads', 'system.uptime': 'Up for',
        'system.log': 'Log', 'system.faults': 'Faults only', 'system.log.none': 'Nothing was noted.',
    },
    ru: {
        'system.about': 'Что сервер держит и делает; обновляется каждые две секунды.', 'system.memory': 'Память', 'system.machine': 'Машина', 'system.process': 'Сервер', 'system.heap': 'Куча Java', 'system.native': 'Модели, вне Java',
        'system.queue': 'Очередь', 'system.running': 'идёт', 'system.waiting': 'ждёт', 'system.most': 'может ждать', 'system.models': 'Модели в памяти', 'system.models.none': 'Ни одной. Модель загружается, когда о ней впервые просят.',
        'system.versions': 'Версии', 'system.device': 'Устройство', 'system.processors': 'Процессоры', 'system.threads': 'Потоки', 'system.uptime': 'Работает',
        'system.log': 'Журнал', 'system.faults': 'Только ошибки', 'system.log.none': 'Записей нет.',
    },
};
