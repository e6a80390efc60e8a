export default {
    en: { 'train.about': '' },
    ru: { 'train.about': '' },
};
